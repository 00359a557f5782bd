"""Commands on records at a node."""
