"""Closes batches and anchors their roots exactly once, by comparing the stored batches with the chain's."""
