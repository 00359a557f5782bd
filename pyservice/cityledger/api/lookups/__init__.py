"""Reads that release no key: find, check, resolve, history and proof."""
