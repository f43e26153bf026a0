"""From LLVM's text to functions in memory, and their place on disk for the next process."""
