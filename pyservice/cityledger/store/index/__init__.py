"""The index: what the contracts said, as rows that are true for a range of blocks."""
