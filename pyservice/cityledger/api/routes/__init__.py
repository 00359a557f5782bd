"""Routes, one module a subject. Each parses, calls one function and answers."""
