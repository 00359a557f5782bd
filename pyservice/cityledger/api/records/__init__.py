"""Records and their parts: writing, reading, erasing."""
