"""The head of a record: its current version on chain."""
