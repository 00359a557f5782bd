"""Leaves, their tree, and the proof file that anyone can check offline. SPEC.md §3, §4 and §7 have every
byte.

Pure: no clock, no network, no disk. ``verify.py`` reads a chain only through the ``LedgerReader`` that it is
given.
"""
