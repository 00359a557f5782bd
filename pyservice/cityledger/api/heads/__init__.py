"""The current version of a record on chain, and moving it."""
