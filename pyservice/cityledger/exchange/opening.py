"""The consumer's side of a release: open the keys, then every check of SPEC.md §5 before a payload is used.

Pure, and without the node's libraries: the SDK opens releases with it on the consumer's own machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityledger.errors import SealingError, VerificationError
from cityledger.proofs.leaves import RecordLeaf
from cityledger.sealing.context import Context
from cityledger.sealing.envelope import ciphertext_digest, open_sealed
from cityledger.sealing.release import open_release
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.types import Kem


@dataclass(frozen=True, slots=True)
class SealedRelease:
    """``ciphertexts`` by part bit number; ``message`` holds their keys, sealed to the consumer under these
    receipts.
    """

    leaf: RecordLeaf
    kem: Kem
    message: bytes
    receipt_digests: tuple[bytes, ...]
    ciphertexts: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Opened:
    """Payloads by part name, exactly as written; absent parts are left out. ``openings`` prove them by part
    bit.
    """

    payloads: Mapping[str, bytes]
    openings: Mapping[int, bytes]


def open_release_of(release: SealedRelease, private_key: SealingPrivateKey) -> Opened:
    """Opens every released part and holds it against the leaf.

    Raises:
        SealingError: sealed for another key or other receipts, or the ciphertext does not open to what the
            leaf commits to.
        VerificationError: a ciphertext is not the one that the leaf commits to.
    """
    keys = open_release(release.message, private_key, list(release.receipt_digests))
    if keys.keys() != release.ciphertexts.keys():
        raise SealingError("the release does not hold the keys of exactly the parts that came with it")
    leaf = release.leaf
    context = Context(leaf.instance, leaf.dataset, leaf.record, leaf.version)
    payloads: dict[str, bytes] = {}
    for bit, part_keys in keys.items():
        part, ciphertext = leaf.parts[bit], release.ciphertexts[bit]
        if ciphertext_digest(ciphertext) != part.ciphertext_digest:
            raise VerificationError(
                f"part {part.name}: the ciphertext is not the one that the record leaf names"
            )
        payloads[part.name] = open_sealed(ciphertext, part_keys, context.for_part(part.name), part.commitment)
    present = {name: payload for name, payload in payloads.items() if payload}
    return Opened(present, {bit: part_keys.opening for bit, part_keys in keys.items()})
