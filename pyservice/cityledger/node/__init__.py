"""A node as a process: its folder, the wiring of its parts, its loops, and serving it."""
