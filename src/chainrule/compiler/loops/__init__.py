"""Loops: the second representation, of indices and scalars over memory, with its checker, printer and interpreter."""
