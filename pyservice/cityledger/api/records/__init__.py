"""Records and their parts: written, read, erased."""
