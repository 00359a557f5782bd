"""Restore of a node from a backup, which repeats the erasures and revocations made since."""
