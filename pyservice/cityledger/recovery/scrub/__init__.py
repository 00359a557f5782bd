"""The check of every stored byte against its leaf."""
