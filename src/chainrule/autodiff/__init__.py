"""Transforms of functions: reverse mode, forward mode, and what is built on them."""
