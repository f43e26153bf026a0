"""Functions of floats as polynomials, in instructions that every processor has, vectors as well as numbers.

Each is a function of an emitter and values, and so a method of the emitter. What a module needs of the emitter stands
in `primitives.py`. `tools/ulp.py` prints their errors, `tests/compiler/test_maths.py` pins the bounds.
"""
