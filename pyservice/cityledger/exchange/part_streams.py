"""The exits for long parts: a payload opened by the caller's own node, or the ciphertext of a release.

A payload is read twice. The first pass checks all of it against the leaf and releases nothing; the second
releases it, each segment authenticated again. The rules are evaluated once more between the two, and then
every second while the stream continues: a caller who is denied by then receives no more of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cityledger.errors import NotFoundError
from cityledger.exchange.access import Access, Target
from cityledger.exchange.decisions import Ruling, rule
from cityledger.exchange.gate import Passed, decide_again, verify_allowed
from cityledger.exchange.parts.storage import ciphertext_of
from cityledger.exchange.read import Released, read_plain, still_there, unless_erased
from cityledger.exchange.services import Services
from cityledger.keccak import keccak
from cityledger.profiles import registry
from cityledger.proofs.leaves import Receipt
from cityledger.store import receipts
from cityledger.store.receipts import StoredReceipt
from cityledger.store.records import versions as records
from cityledger.types import ZERO32, Action, Kem

DECIDE_EVERY_SECONDS = 1.0
"""Part of the revocation bound."""
CHUNK_BYTES = 262_144
SEALED_MEDIA_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class PartStream:
    """Bytes that are being released. ``chunks`` raises, and ends short of ``length``, once the rules deny."""

    passed: Passed
    version: int
    media_type: str
    length: int
    chunks: Iterator[bytes]


def read_part(services: Services, access: Access) -> PartStream:
    """The payload of one part, whose bit is the target's ``parts``, opened for the caller's agency.

    Raises: as ``read_plain``, and
        NotFoundError: the record has no such part.
    """
    released, opened = read_plain(services, access)
    passed, leaf = released.passed, released.release.leaf
    ruling = passed.ruling
    media_type = _media_type(ruling, access.target)
    for payload in opened.payloads.values():
        return PartStream(passed, leaf.version, media_type, len(payload), iter([payload]))
    for part in opened.long_parts.values():
        with unless_erased(services, passed):
            length = part.verify(_ciphertext(services, released, part.bit))
        decide_again(services, access, ruling)
        payload_chunks = part.open(_ciphertext(services, released, part.bit))
        chunks = _watched(services, access, ruling, payload_chunks)
        return PartStream(passed, leaf.version, media_type, length, chunks)
    raise NotFoundError("part")


def read_ciphertext(services: Services, access: Access, digest: bytes) -> PartStream:
    """The ciphertext of one part, for the officer whom a receipt of a release of it names. That receipt
    (``digest``) is the log of this read; the rules are evaluated again.

    Raises:
        DeniedError, StaleIndexError: as ``pass_gate``.
        NotFoundError: no such record, or no such release to this officer: one answer for both.
    """
    ruling = rule(services, access)
    verify_allowed(services, access, ruling)
    stored = _release_receipt(services, access, digest)
    passed = Passed(ruling, (stored,))
    with services.database.reading() as connection:
        version = still_there(services, passed)
        (part,) = records.load_parts(connection, version, ruling.parts)
    sealed = ciphertext_of(services, part)
    chunks = _watched(services, access, ruling, sealed)
    return PartStream(passed, version.version, SEALED_MEDIA_TYPE, part.sealed_bytes, chunks)


def _release_receipt(services: Services, access: Access, digest: bytes) -> StoredReceipt:
    with services.database.reading() as connection:
        stored = receipts.find_receipt(connection, digest)
    if stored is None or not _is_for(stored.receipt, access):
        raise NotFoundError("record")
    return stored


def _is_for(receipt: Receipt, access: Access) -> bool:
    session, intent, target = access.session, access.intent, access.target
    parts = target.parts or 0
    stated = (receipt.purpose, receipt.case_digest, receipt.represents)
    case = keccak(intent.case.encode()) if intent.case else ZERO32
    return (
        receipt.permit
        and receipt.action == Action.RELEASE
        and receipt.kem != Kem.NONE
        and (receipt.consumer, receipt.officer) == (session.agency, session.officer)
        and (receipt.dataset, receipt.record, receipt.version)
        == (target.dataset, target.record, target.version)
        and receipt.parts & parts == parts
        and stated == (intent.purpose, case, intent.represents)
    )


def _watched(services: Services, access: Access, before: Ruling, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Counts from now and not from the first chunk, which the edge may request much later."""
    return _until_denied(services, access, before, chunks, services.clock.monotonic())


def _until_denied(
    services: Services, access: Access, before: Ruling, chunks: Iterable[bytes], decided: float
) -> Iterator[bytes]:
    for chunk in _gathered(_reported(services, before, chunks)):
        # Decided when a chunk is requested, so a slow reader is cut off as soon as a fast one.
        if services.clock.monotonic() - decided >= DECIDE_EVERY_SECONDS:
            decide_again(services, access, before)
            decided = services.clock.monotonic()
        yield chunk


def _reported(services: Services, ruling: Ruling, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks; bytes that were altered since the first pass, or are missing, are reported."""
    passed = Passed(ruling, ())
    with unless_erased(services, passed):
        yield from chunks


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        if len(gathered) >= CHUNK_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _ciphertext(services: Services, released: Released, bit: int) -> Iterator[bytes]:
    return ciphertext_of(services, released.sources[bit])


def _media_type(ruling: Ruling, target: Target) -> str:
    name = ruling.dataset.part_names[(target.parts or 1).bit_length() - 1]
    profile = registry.find(ruling.dataset.profile)
    return SEALED_MEDIA_TYPE if profile is None else profile.media_types.get(name, SEALED_MEDIA_TYPE)
