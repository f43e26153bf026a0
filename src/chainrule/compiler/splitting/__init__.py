"""Split a step that cannot be compiled as a whole: native parts, and between them the statements left to Python."""
