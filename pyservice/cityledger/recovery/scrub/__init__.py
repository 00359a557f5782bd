"""Checking every stored byte against its leaf."""
