"""The second sentence of the product: a record is released only after its receipts are durable.

``read`` seals the part keys to the consumer; ``read_plain`` is the consumer's own node opening that same
release.
"""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.errors import NotFoundError
from cityledger.exchange.gate import Passed, pass_gate
from cityledger.exchange.opening import Opened, SealedRelease, open_release_of
from cityledger.exchange.receipting import PresentedKey
from cityledger.exchange.services import Intent, Services, Target
from cityledger.sealing.context import Context, PartKeys, derive_part_keys
from cityledger.sealing.envelope import parse_header
from cityledger.sealing.release import seal_release
from cityledger.sealing.wrap import unwrap
from cityledger.store import records
from cityledger.store.records import SealedPart, StoredVersion
from cityledger.store.tokens import Session


@dataclass(frozen=True, slots=True)
class Released:
    """What leaves the provider's side: ciphertext, keys sealed to the consumer, and what proves both."""

    passed: Passed
    release: SealedRelease


def read(services: Services, session: Session, intent: Intent, target: Target, key: PresentedKey) -> Released:
    """Decide → receipts durable → decide again → release the part keys to ``key``.

    Raises: as ``pass_gate``, and
        MisdirectedError: the provider's keys are on another node.
    """
    passed = pass_gate(services, session, intent, target, key)
    return Released(passed, _release(services, passed, key))


def read_plain(
    services: Services, session: Session, intent: Intent, target: Target
) -> tuple[Released, Opened]:
    """As ``read``, and opens the release for the caller's agency, whose sealing key this node holds.

    Raises: as ``read``, and
        SealingError, VerificationError: stored bytes are not those that were written; nothing is returned
            of them.
    """
    private_key = services.keys_of(session.agency).sealing_key
    key = PresentedKey(private_key.kem, private_key.public_bytes, private_key.digest)
    released = read(services, session, intent, target, key)
    return released, open_release_of(released.release, private_key)


def _release(services: Services, passed: Passed, key: PresentedKey) -> SealedRelease:
    version = _still_there(services, passed)
    provider_keys = services.keys_of(passed.ruling.dataset.provider)
    context = Context(services.instance, version.dataset, version.record, version.version)
    with services.database.reading() as connection:
        parts = records.load_parts(connection, version, passed.ruling.parts)
        leaf = records.load_leaf(connection, services.instance, version)
    data_key = unwrap(version.wrapped or b"", provider_keys.vault_keys, context)
    keys = [(part.bit, _part_keys(data_key, context, part)) for part in parts]
    digests = passed.receipt_digests
    return SealedRelease(
        leaf=leaf,
        kem=key.kem,
        message=seal_release(keys, key.kem, key.public_key, digests),
        receipt_digests=tuple(digests),
        ciphertexts={part.bit: part.ciphertext for part in parts},
    )


def _still_there(services: Services, passed: Passed) -> StoredVersion:
    decided = passed.ruling.version
    if decided is None:
        raise NotFoundError("record")
    with services.database.reading() as connection:
        version = records.find_version(connection, decided.dataset, decided.record, decided.version)
    if version is None:  # erased between the second decision and now
        raise NotFoundError("record")
    return version


def _part_keys(data_key: bytes, context: Context, part: SealedPart) -> PartKeys:
    return derive_part_keys(data_key, context.for_part(part.name), parse_header(part.ciphertext).aead)
