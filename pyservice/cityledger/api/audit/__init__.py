"""Receipts of the reads in which an agency takes part, and proofs that they were numbered."""
