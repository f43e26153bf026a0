"""How a gradient came about: the tape of a run, the chain rule on it line by line, as text, LaTeX and records."""
