"""Seal and open payloads, wrap data keys, release part keys, keep the node's keys. SPEC.md §5 has every byte.

No clock, no network and no database here. Only ``keyring.py`` touches the disk: it is where keys rest.
"""
