"""Capture: from a step to the graph of what it does, found by running it on types."""
