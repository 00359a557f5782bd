"""Restoring a node from a backup, and repeating the erasures and revocations made since."""
