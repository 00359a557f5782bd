"""Limits on what clients may use of a node: requests a second, memory for bodies, time, connections."""
