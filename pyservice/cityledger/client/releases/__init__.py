"""Opening of a sealed release on the consumer's side, after every check of SPEC.md §5."""
