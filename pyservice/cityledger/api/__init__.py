"""The HTTP edge: who is asking, is the request well formed, which exchange function answers it."""
