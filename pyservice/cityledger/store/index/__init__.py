"""The index: the contracts' state, as rows that are valid for a range of blocks."""
