"""Leaves, batches, and the transactions that anchor them."""
