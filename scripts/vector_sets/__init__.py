"""The sets of test vectors: one module with a ``make_…`` for each file of ``tests/vectors``."""
