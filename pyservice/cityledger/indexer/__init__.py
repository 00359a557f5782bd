"""Follows the chain by hash, undoes reorgs, and keeps the cursor in the same transaction as the effects."""
