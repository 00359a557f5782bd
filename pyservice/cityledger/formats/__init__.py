"""Readers of the files that agencies' systems send, as rows of records: pure, listed in ``registry``."""
