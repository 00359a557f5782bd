"""Backups: consistent copies of what no chain can restore, signed, and verified before they are used."""
