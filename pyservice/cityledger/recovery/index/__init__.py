"""The index as of a block: one digest over it, and rebuilding it from the chain."""
