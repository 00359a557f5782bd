"""The consumer's side of a release: opens the keys, then makes every check of SPEC.md §5 before use.

Pure, and without the node's libraries: the SDK opens releases with it on the consumer's own machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cityledger.errors import SealingError, VerificationError
from cityledger.proofs.leaves import PartLeaf, RecordLeaf
from cityledger.sealing.context import Context, PartKeys
from cityledger.sealing.envelope import ciphertext_digest, open_sealed
from cityledger.sealing.release import open_release
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.sealing.streaming import open_stream, verify_stream
from cityledger.types import Kem


@dataclass(frozen=True, slots=True)
class SealedRelease:
    """``ciphertexts`` by part bit number; ``message`` holds their keys, sealed to the consumer under these
    receipts. ``objects`` are the parts that are too long to be inlined: their sealed bytes by bit number.
    """

    leaf: RecordLeaf
    kem: Kem
    message: bytes
    receipt_digests: tuple[bytes, ...]
    ciphertexts: Mapping[int, bytes]
    objects: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LongPart:
    """A released part whose ciphertext is fetched separately from the release, as a stream."""

    bit: int
    leaf: PartLeaf
    context: bytes
    keys: PartKeys
    sealed_bytes: int

    def verify(self, ciphertext: Iterable[bytes]) -> int:
        """Makes every check of SPEC.md §5 over a whole ciphertext; returns the payload's length.

        Raises:
            SealingError, VerificationError: it does not match the leaf.
        """
        leaf = self.leaf
        return verify_stream(ciphertext, self.keys, self.context, leaf.ciphertext_digest, leaf.commitment)

    def open(self, ciphertext: Iterable[bytes]) -> Iterator[bytes]:
        """The payload of a ciphertext that ``verify`` has checked."""
        return open_stream(ciphertext, self.keys, self.context)


@dataclass(frozen=True, slots=True)
class Opened:
    """Payloads by part name, exactly as written, without absent parts. ``openings`` prove them by part bit.
    ``long_parts`` are yet to be fetched.
    """

    payloads: Mapping[str, bytes]
    openings: Mapping[int, bytes]
    long_parts: Mapping[str, LongPart] = field(default_factory=dict)


def open_release_of(release: SealedRelease, private_key: SealingPrivateKey) -> Opened:
    """Opens every part that is inlined in its release and checks it against the leaf.

    Raises:
        SealingError: sealed for another key or other receipts, or the payload is not the one that the leaf
            commits to.
        VerificationError: a ciphertext is not the one that the leaf commits to.
    """
    keys = open_release(release.message, private_key, list(release.receipt_digests))
    if keys.keys() != release.ciphertexts.keys() | release.objects.keys():
        raise SealingError("the release does not hold the keys of exactly the parts that are inlined in it")
    leaf = release.leaf
    context = Context(leaf.instance, leaf.dataset, leaf.record, leaf.version)
    payloads: dict[str, bytes] = {}
    long_parts: dict[str, LongPart] = {}
    for bit, part_keys in keys.items():
        part = leaf.parts[bit]
        if bit in release.objects:
            place = context.for_part(part.name)
            long_parts[part.name] = LongPart(bit, part, place, part_keys, release.objects[bit])
        else:
            payloads[part.name] = _opened(part, release.ciphertexts[bit], part_keys, context)
    present = {name: payload for name, payload in payloads.items() if payload}
    return Opened(present, {bit: part_keys.opening for bit, part_keys in keys.items()}, long_parts)


def _opened(part: PartLeaf, ciphertext: bytes, keys: PartKeys, context: Context) -> bytes:
    if ciphertext_digest(ciphertext) != part.ciphertext_digest:
        raise VerificationError(f"part {part.name}: the ciphertext is not the one that the record leaf names")
    return open_sealed(ciphertext, keys, context.for_part(part.name), part.commitment)
