"""Sealed records: their versions, who may see them, and the wrapped keys that open them."""
