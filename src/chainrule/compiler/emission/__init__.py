"""From a program of loops to the text of an LLVM module."""
