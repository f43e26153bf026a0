"""The compiler: a Python step becomes one native function.

capture.py runs the step on types, which gives a Graph; passes/ make it smaller; lower.py turns it into Loops;
buffers.py says where arrays live; emit.py writes LLVM; jit.py and cache.py make machine code of it; entry/ and
compiled.py are what the user calls.
"""
