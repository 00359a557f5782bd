"""Reads of the ledger over plain JSON-RPC, to verify proofs with the base install."""
