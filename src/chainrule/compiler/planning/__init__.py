"""From a graph to a plan of its pieces of work, and from the plan to a program of loops."""
