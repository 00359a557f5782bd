"""The second core operation of the product: a record is released only after its receipts are durable.

``read`` seals the part keys to the consumer; ``read_plain`` is the consumer's own node opening that same
release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cityledger.errors import MisdirectedError, NotFoundError, SealingError, VerificationError
from cityledger.exchange.access import Access
from cityledger.exchange.alterations import reporting_alterations
from cityledger.exchange.gate import Passed, pass_gate
from cityledger.exchange.parts.storage import binary_mask, ciphertext_of, header_of
from cityledger.exchange.receipts import PresentedKey
from cityledger.exchange.services import Services
from cityledger.exchange.withdrawals import verify_flag
from cityledger.opening import Opened, SealedRelease, open_release_of
from cityledger.sealing.context import Context, PartKeys, derive_part_keys
from cityledger.sealing.release import seal_release
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.store.index import queries as index
from cityledger.store.records import versions as records
from cityledger.store.records.versions import SealedPart, StoredVersion
from cityledger.types import AgencyId


@dataclass(frozen=True, slots=True)
class Released:
    """The content of a release: ciphertext, keys sealed to the consumer, and the proof of both.

    ``sources`` has the parts that are not included, by part bit number.
    """

    passed: Passed
    release: SealedRelease
    sources: Mapping[int, SealedPart]


def read(services: Services, access: Access, key: PresentedKey) -> Released:
    """Decide → receipts durable → decide again → release the part keys to ``key``.

    Raises: as ``pass_gate``, and
        MisdirectedError: the provider's keys are on another node.
    """
    passed = pass_gate(services, access, key)
    with unless_erased(services, passed):
        return _released(services, passed, key)


def read_plain(services: Services, access: Access) -> tuple[Released, Opened]:
    """As ``read``, and opens the release for the caller's agency, whose sealing key this node holds.

    Raises: as ``read``, and
        MisdirectedError: the registry names another sealing key for the agency than this node holds.
        SealingError, VerificationError: stored bytes are not those that were written; nothing is returned
            of them.
    """
    private_key = opening_key(services, access.session.agency)
    key = PresentedKey(private_key.kem, private_key.public_bytes, private_key.digest)
    released = read(services, access, key)
    leaf = released.release.leaf
    with reporting_alterations(services.alterations, leaf.log, leaf.seq):
        return released, open_release_of(released.release, private_key)


def opening_key(services: Services, number: AgencyId) -> SealingPrivateKey:
    """The key with which this node opens what is released to the caller's agency, found before anything is
    decided: the one that the registry names, which is a former one until a rotation is mined.

    Raises:
        MisdirectedError: it holds no sealing key of the agency, or not the one that the registry names.
    """
    keys = services.keys_of(number)
    with services.database.reading() as connection:
        agency = index.find_agency(connection, number)
    found = keys.sealing_key if agency is None else keys.sealing_key_of(agency.sealing_key_digest)
    if agency is not None and agency.sealing_key_digest != found.digest:
        raise MisdirectedError(
            "this node cannot open records for your agency: the registry names another sealing key than it"
            " holds. Ask where that key is, by /release with it, or have `cityledger node link` publish this"
            " node's"
        )
    return found


def _released(services: Services, passed: Passed, key: PresentedKey) -> Released:
    version = still_there(services, passed)
    ruling = passed.ruling
    with services.database.reading() as connection:
        parts = records.load_parts(connection, version, ruling.parts)
        leaf = records.load_leaf(connection, services.instance, version)
    data_key = _data_key(services, passed, version)
    verify_flag(version, leaf, data_key)
    separate = {
        part.bit: part for part in parts if part.object and binary_mask(ruling.dataset) >> part.bit & 1
    }
    digests = passed.receipt_digests
    release = SealedRelease(
        leaf=leaf,
        kem=key.kem,
        message=seal_release(_keys(services, data_key, version, parts), key.kem, key.public_key, digests),
        receipt_digests=tuple(digests),
        ciphertexts={
            part.bit: b"".join(ciphertext_of(services, part)) for part in parts if part.bit not in separate
        },
        objects={bit: part.sealed_bytes for bit, part in separate.items()},
    )
    return Released(passed, release, separate)


def _data_key(services: Services, passed: Passed, version: StoredVersion) -> bytes:
    context = Context(services.instance, version.dataset, version.record, version.version)
    return services.unwrap(passed.ruling.dataset.provider, version.wrapped or b"", context)


def _keys(
    services: Services, data_key: bytes, version: StoredVersion, parts: Sequence[SealedPart]
) -> list[tuple[int, PartKeys]]:
    context = Context(services.instance, version.dataset, version.record, version.version)
    return [
        (part.bit, derive_part_keys(data_key, context.for_part(part.name), header_of(services, part).aead))
        for part in parts
    ]


@contextmanager
def unless_erased(services: Services, passed: Passed) -> Iterator[None]:
    """Distinguishes an object that a concurrent erasure removed from one that is missing or altered, which is
    reported.
    """
    try:
        yield
    except (SealingError, VerificationError):
        version = still_there(services, passed)
        services.alterations.note(version.log, version.seq)
        raise


def still_there(services: Services, passed: Passed) -> StoredVersion:
    """The version that was decided on.

    Raises:
        NotFoundError: it was erased since.
    """
    decided = passed.ruling.version
    if decided is None:
        raise NotFoundError("record")
    with services.database.reading() as connection:
        version = records.find_version(connection, decided.dataset, decided.record, decided.version)
    if version is None:  # erased between the second decision and now
        raise NotFoundError("record")
    return version
