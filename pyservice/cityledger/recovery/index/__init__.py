"""The index as of a block: one digest over it, and its rebuild from the chain."""
