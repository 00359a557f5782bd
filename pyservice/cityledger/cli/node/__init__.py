"""Commands on a node's folder."""
