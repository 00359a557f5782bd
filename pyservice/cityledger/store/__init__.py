"""Storage of a node: sealed records, leaves, receipts, batches, tokens, and the index of the chain. SQL
through SQLAlchemy Core.
"""
