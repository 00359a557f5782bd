"""Business identifiers of records, by which a provider finds them. Only their HMACs are stored."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from cityledger.profiles import registry

_DOMAIN = b"cityledger/v1/record-identifier\0"
"""Separates these from the identifiers of subjects, which are made with the same key."""
_FILLER_DOMAIN = b"cityledger/v1/identifier-filler\0"
_COUNTS = (4, 16, 64)
"""A version has one of these numbers of digests, because the exact number would distinguish records."""


def record_identifier_digest(subject_key: bytes, system: str, value: str) -> bytes:
    """HMAC-SHA256 under the agency's subject key over the length-prefixed system, then the value."""
    encoded = system.encode()
    message = _DOMAIN + len(encoded).to_bytes(4, "big") + encoded + value.encode()
    return hmac.new(subject_key, message, hashlib.sha256).digest()


def identifier_digests(
    subject_key: bytes, profile: str, version: bytes, parts: Mapping[str, bytes]
) -> tuple[bytes, ...]:
    """The digests stored of a version's business identifiers, with fillers; none if the profile has none.

    ``version`` is ``Context.packed``; ``parts`` are the payloads of its JSON parts that are present.
    """
    find = registry.get(profile).identifiers_of
    if find is None:
        return ()
    named = tuple(record_identifier_digest(subject_key, *one) for one in find(parts))
    return _with_fillers(subject_key, version, named)


def _with_fillers(subject_key: bytes, version: bytes, digests: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """At most 64 digests of a version, followed by filler digests up to one of a few numbers.

    The fillers of a version can be recomputed, and are equal to no other's.
    """
    wanted = next(count for count in _COUNTS if count >= len(digests))
    fillers = (
        hmac.digest(subject_key, _FILLER_DOMAIN + version + bytes([number]), "sha256")
        for number in range(len(digests), wanted)
    )
    return (*digests, *fillers)
