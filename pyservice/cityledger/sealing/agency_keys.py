"""The secret keys of one agency, and their serialized form inside a keyring entry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.errors import KeyringError, SealingError
from cityledger.sealing.context import KEY_BYTES, hkdf_sha256, require_length
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.sealing.wrap import VaultKey, WrappingKey
from cityledger.types import AgencyId, DatasetId, Kem

Random = Callable[[int], bytes]
"""``random(n)`` returns *n* secret random bytes, as ``os.urandom`` does."""

OpenVaultKey = Callable[[AgencyId, int], WrappingKey]
"""Opens the vault key of an agency and epoch that is kept outside the keyring."""

_RECORD_KEY_LABEL = b"cityledger/v1/record-key"


@dataclass(frozen=True, slots=True)
class AgencyKeys:
    """The keys of one agency; the repr shows no secret.

    ``vault_keys`` are by epoch; some may be kept outside the keyring. ``vault_epoch`` is the current one: a
    later one waits until every process has it, earlier ones only unwrap.
    ``credential_key`` is on P-256 (ES256). ``subject_key`` and ``record_master_key`` are 32 bytes and never
    change: record ids would change with them.
    """

    agency: AgencyId
    vault_keys: Mapping[int, WrappingKey]
    sealing_key: SealingPrivateKey
    former_sealing_keys: tuple[SealingPrivateKey, ...] = ()
    credential_key: ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)
    subject_key: bytes = field(default=b"", repr=False)
    record_master_key: bytes = field(default=b"", repr=False)
    vault_epoch: int = 1

    def __post_init__(self) -> None:
        require_length("subject key", self.subject_key, KEY_BYTES)
        require_length("record master key", self.record_master_key, KEY_BYTES)
        if not self.vault_keys or any(epoch != key.epoch for epoch, key in self.vault_keys.items()):
            raise SealingError("the epochs of the vault keys differ from those that they are stored under")
        if self.vault_epoch not in self.vault_keys:
            raise SealingError("the current vault key is missing")
        if self.credential_key and not isinstance(self.credential_key.curve, ec.SECP256R1):
            raise SealingError("the credential key is not on P-256")

    @classmethod
    def generate(
        cls, agency: AgencyId, kem: Kem, random: Random, vault_key: WrappingKey | None = None
    ) -> AgencyKeys:
        """Fresh keys without a credential key; vault epoch 1 is new, or ``vault_key``, kept elsewhere."""
        return cls(
            agency=agency,
            vault_keys={1: vault_key or VaultKey(1, random(KEY_BYTES))},
            sealing_key=SealingPrivateKey.generate(kem, random),
            subject_key=random(KEY_BYTES),
            record_master_key=random(KEY_BYTES),
        )

    @property
    def vault_key(self) -> WrappingKey:
        """The vault key that new data keys are wrapped under."""
        return self.vault_keys[self.vault_epoch]

    @property
    def next_vault_epoch(self) -> int:
        """The epoch after the highest that has a key here."""
        return max(self.vault_keys) + 1

    def sealing_key_of(self, digest: bytes) -> SealingPrivateKey:
        """The sealing key whose digest the registry holds: a former one until the current one is registered;
        the current one if the registry holds none of them."""
        keys = (self.sealing_key, *self.former_sealing_keys)
        return next((key for key in keys if key.digest == digest), self.sealing_key)

    def record_key(self, dataset: DatasetId) -> bytes:
        """The key of the dataset's record ids (SPEC.md §1), 32 bytes; the same for the dataset's life."""
        return hkdf_sha256(self.record_master_key, b"", _RECORD_KEY_LABEL + dataset)

    def with_vault_key(self, key: WrappingKey) -> AgencyKeys:
        """These keys with a vault key of a later epoch, which unwraps and does not wrap yet."""
        return replace(self, vault_keys={**self.vault_keys, key.epoch: key})

    def with_vault_epoch(self, epoch: int) -> AgencyKeys:
        """These keys with the vault key of a later epoch as the current one; former ones remain, to unwrap.

        Raises:
            KeyringError: the key does not exist, or its epoch is below the current one.
        """
        if epoch not in self.vault_keys or epoch < self.vault_epoch:
            raise KeyringError(f"agency {self.agency} has no later vault key of epoch {epoch}")
        return replace(self, vault_epoch=epoch)

    def without_vault_key(self, epoch: int) -> AgencyKeys:
        """These keys without the vault key of a past epoch: data wrapped under it is lost permanently.

        Raises:
            KeyringError: it is the current epoch, or there is no key of that epoch.
        """
        if epoch >= self.vault_epoch or epoch not in self.vault_keys:
            raise KeyringError(f"agency {self.agency} has no past vault key of epoch {epoch}")
        return replace(self, vault_keys={e: key for e, key in self.vault_keys.items() if e != epoch})

    def with_next_sealing_key(self, kem: Kem, random: Random) -> AgencyKeys:
        """These keys with a fresh sealing key; the current one becomes a former one."""
        former = (*self.former_sealing_keys, self.sealing_key)
        return replace(self, sealing_key=SealingPrivateKey.generate(kem, random), former_sealing_keys=former)

    def serialize(self) -> bytes:
        """The keys in the clear, as JSON; only for a keyring entry, which seals it."""
        return json.dumps(
            {
                "vaultEpoch": self.vault_epoch,
                "vaultKeys": {
                    str(epoch): _stored_name(key) for epoch, key in sorted(self.vault_keys.items())
                },
                "sealingKey": self.sealing_key.serialize().hex(),
                "formerSealingKeys": [key.serialize().hex() for key in self.former_sealing_keys],
                "credentialKey": _serialize_credential_key(self.credential_key),
                "subjectKey": self.subject_key.hex(),
                "recordMasterKey": self.record_master_key.hex(),
            }
        ).encode()

    @classmethod
    def load(cls, agency: AgencyId, stored: bytes, outside: OpenVaultKey | None = None) -> AgencyKeys:
        """The keys that ``serialize`` wrote; ``outside`` opens the vault keys that are kept elsewhere.

        Raises:
            KeyError, TypeError, ValueError, SealingError: ``stored`` was not written by it.
            KeyringError, KeyUnavailableError: a vault key that is kept elsewhere cannot be opened.
        """
        view = cast(dict[str, Any], json.loads(stored))
        return cls(
            agency=agency,
            vault_keys={
                int(epoch): _load_vault_key(agency, int(epoch), key, outside)
                for epoch, key in view["vaultKeys"].items()
            },
            sealing_key=SealingPrivateKey.load(bytes.fromhex(view["sealingKey"])),
            former_sealing_keys=tuple(
                SealingPrivateKey.load(bytes.fromhex(key)) for key in view["formerSealingKeys"]
            ),
            credential_key=_load_credential_key(view["credentialKey"]),
            subject_key=bytes.fromhex(view["subjectKey"]),
            record_master_key=bytes.fromhex(view["recordMasterKey"]),
            vault_epoch=int(view["vaultEpoch"]),
        )


def _stored_name(key: WrappingKey) -> str | None:
    """The key in hex; None for one that is kept elsewhere."""
    return key.key.hex() if isinstance(key, VaultKey) and not key.is_outside else None


def _load_vault_key(
    agency: AgencyId, epoch: int, stored: str | None, outside: OpenVaultKey | None
) -> WrappingKey:
    if stored is not None:
        return VaultKey(epoch, bytes.fromhex(stored))
    if outside is None:
        raise KeyringError(
            f"the vault key of agency {agency}, epoch {epoch}, is kept outside the keyring; set vault_keys"
        )
    return outside(agency, epoch)


def _serialize_credential_key(key: ec.EllipticCurvePrivateKey | None) -> str | None:
    if key is None:
        return None
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).hex()


def _load_credential_key(stored: str | None) -> ec.EllipticCurvePrivateKey | None:
    if stored is None:
        return None
    key = serialization.load_der_private_key(bytes.fromhex(stored), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the credential key is not an elliptic-curve key")
    return key
