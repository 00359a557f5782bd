"""Business identifiers of records, by which a provider finds them. Only their HMACs are stored."""

from __future__ import annotations

import hashlib
import hmac

_DOMAIN = b"cityledger/v1/record-identifier\0"
"""Keeps these apart from the identifiers of subjects, which are made with the same key."""


def record_identifier_digest(subject_key: bytes, system: str, value: str) -> bytes:
    """HMAC-SHA256 under the agency's subject key over the length-prefixed system, then the value."""
    told = system.encode()
    held = _DOMAIN + len(told).to_bytes(4, "big") + told + value.encode()
    return hmac.new(subject_key, held, hashlib.sha256).digest()
