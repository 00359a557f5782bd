"""Backups: consistent copies of data that the chain cannot restore, signed, and verified before use."""
