"""Context that a sealed part is bound to, and the keys derived from it. Source: SPEC.md §5."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cityledger.errors import SealingError
from cityledger.types import Aead, DatasetId, RecordId

KEY_BYTES = 32
_CONTEXT_LABEL = b"cityledger/v1/context"
_AEAD_LABEL = b"cityledger/v1/aead"
_COMMIT_LABEL = b"cityledger/v1/commit"
_OPENING_LABEL = b"cityledger/v1/opening"


@dataclass(frozen=True, slots=True)
class Context:
    """One version of one record of one deployment. ``version`` is a uint32 that counts from 1.

    Raises:
        SealingError: an id is not 32 bytes, or the version is out of range.
    """

    instance: bytes
    dataset: DatasetId
    record: RecordId
    version: int

    def __post_init__(self) -> None:
        for name in ("instance", "dataset", "record"):
            require_length(f"context {name}", getattr(self, name), 32)
        if not 1 <= self.version < 2**32:
            raise SealingError("context version is not a uint32 from 1")

    @property
    def packed(self) -> bytes:
        """instance ‖ dataset ‖ record ‖ u32 version: the 100 bytes that a wrapped data key is bound to."""
        return self.instance + self.dataset + self.record + self.version.to_bytes(4, "big")

    def for_part(self, name: str) -> bytes:
        """The 32 bytes that keys and segments of the named part are bound to.

        Unambiguous because the name is last and everything before it has a fixed length.
        """
        return hashlib.sha256(_CONTEXT_LABEL + self.packed + name.encode("utf-8")).digest()


@dataclass(frozen=True, slots=True)
class PartKeys:
    """The keys of one part of one record version, 32 bytes each. The repr shows none of them.

    ``kc`` commits to the data key (it is in the envelope's header), ``opening`` is the key of the payload's
    commitment.
    """

    part_key: bytes = field(repr=False)
    kc: bytes = field(repr=False)
    opening: bytes = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("part_key", "kc", "opening"):
            require_length(name, getattr(self, name), KEY_BYTES)


def derive_part_keys(data_key: bytes, context_bytes: bytes, aead: Aead) -> PartKeys:
    """The keys of one part, from the record version's data key and ``Context.for_part`` (both 32 bytes)."""
    require_length("data key", data_key, KEY_BYTES)
    require_length("part context", context_bytes, 32)
    return PartKeys(
        part_key=hkdf_sha256(data_key, context_bytes, _AEAD_LABEL + bytes([aead])),
        kc=hkdf_sha256(data_key, context_bytes, _COMMIT_LABEL),
        opening=derive_opening(data_key, context_bytes),
    )


def derive_opening(data_key: bytes, context_bytes: bytes) -> bytes:
    """The key of one part's commitment, as in ``derive_part_keys``; the same for every cipher."""
    return hkdf_sha256(data_key, context_bytes, _OPENING_LABEL)


def hkdf_sha256(key: bytes, salt: bytes, info: bytes, length: int = KEY_BYTES) -> bytes:
    """HKDF-SHA256 (RFC 5869), extract and expand; ``length`` in bytes."""
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(key)


def require_length(what: str, value: bytes, length: int) -> None:
    """Refuses a byte string of another length, without showing it.

    Raises:
        SealingError: ``value`` is not ``length`` bytes.
    """
    if len(value) != length:
        raise SealingError(f"{what} is not {length} bytes")
