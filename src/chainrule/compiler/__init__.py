"""The compiler: a Python step becomes one native function.

capture.py (run the step on types: a Graph) > passes/ (Graph to Graph) > lower.py (Graph to Loops) > buffers.py (where arrays
live) > emit.py (Loops to LLVM) > jit.py, cache.py (LLVM to machine code) > entry.py, compiled.py (what the user calls).
"""
