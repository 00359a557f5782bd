"""Seals and opens payloads, wraps data keys, releases part keys, stores the node's keys. SPEC.md §5 has every
byte.

No clock, no network and no database here. Only ``keyring.py`` and ``private_files.py`` use the disk.
"""
