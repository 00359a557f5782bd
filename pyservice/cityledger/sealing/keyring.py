"""The keyring: a directory with a node's secret keys, opened by one passphrase or key file.

::

    keyring.json              scrypt parameters, salt, and a sealed check value
    agencies/<number>.json    the keys of one agency, sealed under the keyring key and bound to the file's
                              name
    operators.json            the present and former operator addresses of the node, sealed alike
    accounts/<address>.json   a standard V3 keystore; its passphrase is derived from the keyring key

Warning: it cannot detect that an entry was deleted, or replaced by an older state; backups and the registry
show that. Warning: one process writes at a time (``key_turns.changing_keys``); others read its changes. The
keys in memory are in the clear for as long as the process lives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account
from eth_account.signers.local import LocalAccount

from cityledger.errors import KeyringError, KeyUnavailableError, SealingError
from cityledger.sealing.agency_keys import AgencyKeys, OpenVaultKey, Random
from cityledger.sealing.context import KEY_BYTES
from cityledger.sealing.keyring_lock import DEFAULT_KDF_COST, LOW_KDF_COST, KeyringKey, UnlockSecret
from cityledger.sealing.private_files import make_private_directory, write_private_file
from cityledger.sealing.wrap import NONCE_BYTES, VaultKey, WrappingKey
from cityledger.types import Address, AgencyId, Kem

FORMAT = "cityledger-keyring/1"
_OPERATORS = "operators.json"
_SALT_BYTES = 16
_CHECK = b"cityledger keyring"
_LOW_COST_NOTE = "low scrypt cost: suitable for a devnet only"
_Entry = TypeVar("_Entry")
Stamp = tuple[int, int, int]


class Keyring:
    """An open keyring, from ``create`` or ``open``; every change is on disk when its call returns."""

    def __init__(
        self,
        path: Path,
        key: KeyringKey,
        kdf_cost: int,
        agencies: Mapping[AgencyId, AgencyKeys],
        accounts: Mapping[Address, LocalAccount],
        outside: OpenVaultKey | None = None,
        stamps: Mapping[str, Stamp | None] | None = None,
        operators: Collection[Address] = (),
    ) -> None:
        self._path = path
        self._key = key
        self._kdf_cost = kdf_cost
        self._agencies = dict(agencies)
        self._accounts = dict(accounts)
        self._outside = outside
        self._stamps = dict(stamps or {})
        self._operators = frozenset(operators)

    def __repr__(self) -> str:
        return f"Keyring({str(self._path)!r}, {len(self._agencies)} agencies, {len(self._accounts)} accounts)"

    @classmethod
    def create(
        cls,
        path: Path,
        secret: UnlockSecret,
        *,
        random: Random,
        kdf_cost: int = DEFAULT_KDF_COST,
        outside: OpenVaultKey | None = None,
    ) -> Keyring:
        """A new, empty keyring in the directory ``path``. ``kdf_cost`` is log2 of scrypt's N. With
        ``outside`` vault keys are opened there and never created here.

        Raises:
            KeyringError: a keyring exists already, or the directory cannot be written.
        """
        if (path / "keyring.json").exists():
            raise KeyringError(f"{path} already holds a keyring")
        salt = random(_SALT_BYTES)
        keyring = cls(path, KeyringKey.derive(secret, salt, kdf_cost), kdf_cost, {}, {}, outside)
        keyring._write_head(secret.kind, salt, random(NONCE_BYTES))
        return keyring

    @classmethod
    def open(cls, path: Path, secret: UnlockSecret, outside: OpenVaultKey | None = None) -> Keyring:
        """The keyring in the directory ``path``, after opening every entry in it, and with ``outside`` every
        vault key that is kept there.

        Raises:
            KeyringError: wrong secret, or an entry cannot be opened; names the file, never the secret.
        """
        key, kdf_cost = _read("keyring.json", partial(_unlock, path / "keyring.json", secret))
        # Before they are read: an entry that is replaced concurrently differs from its stamp, and is read
        # again.
        stamps = {file.name: _stamp(file) for file in _entries(path / "agencies")}
        agencies = _open_all(path / "agencies", partial(_load_agency, key, outside))
        accounts = _open_all(path / "accounts", partial(_load_account, key))
        return cls(
            path,
            key,
            kdf_cost,
            {keys.agency: keys for keys in agencies},
            {Address(account.address): account for account in accounts},
            outside,
            stamps,
            _load_operators(key, path / _OPERATORS),
        )

    @property
    def is_low_cost(self) -> bool:
        """True if guessing the passphrase is so cheap that the keyring is suitable for a devnet only."""
        return self._kdf_cost < LOW_KDF_COST

    # Agencies

    def agencies(self) -> list[AgencyId]:
        """The agencies with keys in the keyring, ascending."""
        return sorted(self._agencies)

    def agency(self, agency: AgencyId) -> AgencyKeys:
        """The keys of an agency.

        Raises:
            KeyringError: it has none here, or its entry was changed and cannot be opened.
        """
        if agency not in self._agencies:
            raise KeyringError(f"no keys of agency {agency} in this keyring")
        self._refresh(agency)
        return self._agencies[agency]

    def _refresh(self, agency: AgencyId) -> None:
        """Reads the entry again if another process has replaced its file."""
        file = self._agency_file(agency)
        stamp = _stamp(file)
        if stamp is None or stamp == self._stamps.get(file.name):
            return
        name = f"agencies/{file.name}"
        self._agencies[agency] = _read(name, partial(_load_agency, self._key, self._outside, file))
        self._stamps[file.name] = stamp

    def add_agency(
        self,
        agency: AgencyId,
        *,
        random: Random,
        kem: Kem = Kem.X_WING,
        credential_key: ec.EllipticCurvePrivateKey | None = None,
    ) -> AgencyKeys:
        """Creates fresh keys for an agency.

        Raises:
            KeyringError: it has keys here already; overwriting them would lose everything that they open.
        """
        if agency in self._agencies or self._agency_file(agency).exists():
            raise KeyringError(f"agency {agency} already has keys in this keyring")
        vault_key = self._make_vault_key(agency, 1, random)
        keys = replace(AgencyKeys.generate(agency, kem, random, vault_key), credential_key=credential_key)
        return self._store_agency(keys, random)

    def add_vault_key(self, agency: AgencyId, *, random: Random) -> WrappingKey:
        """Adds a vault key of the next epoch, created here or kept outside. It unwraps at once, and wraps
        from ``use_vault_key`` on."""
        keys = self.agency(agency)
        made = self._make_vault_key(agency, keys.next_vault_epoch, random)
        self._store_agency(keys.with_vault_key(made), random)
        return made

    def use_vault_key(self, agency: AgencyId, epoch: int, *, random: Random) -> None:
        """Makes the vault key of a later epoch the current one; the former ones remain to unwrap.

        Raises:
            KeyringError: the key does not exist.
        """
        self._store_agency(self.agency(agency).with_vault_epoch(epoch), random)

    def follow_vault_epoch(self, agency: AgencyId, epoch: int) -> None:
        """As ``use_vault_key``, only in the memory of this process: another process rotates, and writes the
        entry itself.

        Raises:
            KeyUnavailableError: the keyring lacks the key of that epoch.
        """
        keys = self.agency(agency)
        if epoch not in keys.vault_keys:
            raise KeyUnavailableError(
                f"the vault key of epoch {epoch} is not in the keyring of this process; copy the keyring from"
                " where `cityledger node rotate-vault-key` ran"
            )
        self._agencies[agency] = keys.with_vault_epoch(max(epoch, keys.vault_epoch))

    def _make_vault_key(self, agency: AgencyId, epoch: int, random: Random) -> WrappingKey:
        if self._outside is not None:
            return self._outside(agency, epoch)
        return VaultKey(epoch, random(KEY_BYTES))

    def drop_vault_key(self, agency: AgencyId, epoch: int, *, random: Random) -> None:
        """Removes the vault key of a past epoch: data still wrapped under it is lost, as intended.

        Raises:
            KeyringError: it is the current epoch, or there is no key of that epoch.
        """
        self._store_agency(self.agency(agency).without_vault_key(epoch), random)

    def rotate_sealing_key(self, agency: AgencyId, *, random: Random, kem: Kem = Kem.X_WING) -> AgencyKeys:
        """Adds a fresh sealing key; the former ones remain, to open what was released to them."""
        return self._store_agency(self.agency(agency).with_next_sealing_key(kem, random), random)

    def set_credential_key(
        self, agency: AgencyId, credential_key: ec.EllipticCurvePrivateKey, *, random: Random
    ) -> AgencyKeys:
        """Replaces the key (P-256) that signs the agency's assertions."""
        return self._store_agency(replace(self.agency(agency), credential_key=credential_key), random)

    # Accounts

    def accounts(self) -> list[Address]:
        """The accounts with a key in the keyring, in ascending order of address."""
        return sorted(self._accounts)

    def account(self, address: Address) -> LocalAccount:
        """The account of an address.

        Raises:
            KeyringError: the keyring lacks its key.
        """
        if address not in self._accounts:
            raise KeyringError(f"no key of account {address} in this keyring")
        return self._accounts[address]

    def add_account(self, private_key: bytes) -> Address:
        """Stores a private key (32 bytes) as a V3 keystore, whose library draws its own salt. Idempotent."""
        account = cast(LocalAccount, Account.from_key(private_key))
        keystore = account.encrypt(
            self._key.account_passphrase(), kdf="scrypt", iterations=1 << self._kdf_cost
        )
        address = Address(account.address)
        self._write(self._path / "accounts" / f"{address}.json", cast(Mapping[str, object], keystore))
        self._accounts[address] = account
        return address

    def operators(self) -> list[Address]:
        """The present and former operators of this node, wherever their keys are kept, in ascending order."""
        return sorted(self._operators)

    def own_accounts(self) -> list[Address]:
        """``operators`` and ``accounts``, in ascending order: their signatures are this node's."""
        return sorted({*self._operators, *self._accounts})

    def reload_operators(self) -> None:
        """Adds what another process has stored since this keyring was opened.

        Raises:
            KeyringError: the list cannot be read.
        """
        self._operators = self._operators.union(_load_operators(self._key, self._path / _OPERATORS))

    def add_operator(self, address: Address, *, random: Random) -> None:
        """Stores an account as this node's own. Idempotent.

        Raises:
            KeyringError: the list cannot be read or written.
        """
        file = self._path / _OPERATORS
        self.reload_operators()
        known = frozenset({*self._operators, address})
        plain = json.dumps(sorted(known)).encode()
        sealed = self._key.seal_entry(_OPERATORS, plain, random(NONCE_BYTES))
        self._write(file, {"format": FORMAT, "sealed": sealed.hex()})
        self._operators = known

    # Files

    def _agency_file(self, agency: AgencyId) -> Path:
        return self._path / "agencies" / f"{agency}.json"

    def _store_agency(self, keys: AgencyKeys, random: Random) -> AgencyKeys:
        file = self._agency_file(keys.agency)
        sealed = self._key.seal_entry(f"agencies/{file.name}", keys.serialize(), random(NONCE_BYTES))
        self._write(file, {"format": FORMAT, "sealed": sealed.hex()})
        # Only after it is on disk: keys in memory alone would seal records that no restart can open.
        self._agencies[keys.agency] = keys
        self._stamps[file.name] = _stamp(file)
        return keys

    def _write_head(self, unlocked_by: str, salt: bytes, nonce: bytes) -> None:
        kdf: dict[str, object] = {"name": "scrypt", "cost": self._kdf_cost, "salt": salt.hex()}
        if self.is_low_cost:
            kdf["note"] = _LOW_COST_NOTE
        check = self._key.seal_entry("keyring.json", _CHECK, nonce)
        head = {"format": FORMAT, "unlockedBy": unlocked_by, "kdf": kdf, "check": check.hex()}
        self._write(self._path / "keyring.json", head)

    def _write(self, file: Path, view: Mapping[str, object]) -> None:
        try:
            make_private_directory(file.parent)
            write_private_file(file, json.dumps(view, indent=1).encode() + b"\n")
        except OSError as error:
            raise KeyringError(f"{file.name} cannot be written: {error.strerror}") from error


def _stamp(file: Path) -> Stamp | None:
    """A value that changes when a file is replaced; None if it cannot be read: then the entry in memory is
    used."""
    try:
        seen = file.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns, seen.st_size


def _entries(directory: Path) -> list[Path]:
    """The entry files; names with a leading dot are remains of an interrupted write."""
    return sorted(file for file in directory.glob("*") if not file.name.startswith("."))


def _open_all(directory: Path, load: Callable[[Path], _Entry]) -> list[_Entry]:
    return [_read(f"{directory.name}/{file.name}", partial(load, file)) for file in _entries(directory)]


def _read(name: str, load: Callable[[], _Entry]) -> _Entry:
    """``load()``, with every failure reported as this entry's, without the failing value."""
    try:
        return load()
    except (SealingError, KeyUnavailableError) as error:
        raise KeyringError(f"{name} cannot be opened: {error}") from error
    except OSError as error:
        raise KeyringError(f"{name} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError):
        # Not chained: a parser's message may quote the plain bytes.
        raise KeyringError(f"{name} cannot be opened: it is not in the form of an entry") from None


def _unlock(file: Path, secret: UnlockSecret) -> tuple[KeyringKey, int]:
    head = _load_json(file)
    if head["format"] != FORMAT:
        raise ValueError("format")
    if head["unlockedBy"] != secret.kind:
        raise KeyringError(f"this keyring is unlocked by a {head['unlockedBy']}, not by a {secret.kind}")
    kdf = head["kdf"]
    key = KeyringKey.derive(secret, bytes.fromhex(kdf["salt"]), int(kdf["cost"]))
    try:
        key.open_entry("keyring.json", bytes.fromhex(head["check"]))
    except SealingError as error:
        raise KeyringError(f"keyring.json cannot be opened: wrong {secret.kind}") from error
    return key, int(kdf["cost"])


def _load_operators(key: KeyringKey, file: Path) -> list[Address]:
    """The stored operators; None if the keyring has none yet."""

    def load() -> list[Address]:
        plain = key.open_entry(_OPERATORS, bytes.fromhex(_load_json(file)["sealed"]))
        return [Address(address) for address in json.loads(plain)]

    return _read(_OPERATORS, load) if file.exists() else []


def _load_agency(key: KeyringKey, outside: OpenVaultKey | None, file: Path) -> AgencyKeys:
    agency = AgencyId(int(file.stem))
    if file.name != f"{agency}.json":
        raise ValueError("name")
    plain = key.open_entry(f"agencies/{file.name}", bytes.fromhex(_load_json(file)["sealed"]))
    return AgencyKeys.load(agency, plain, outside)


def _load_account(key: KeyringKey, file: Path) -> LocalAccount:
    private_key = Account.decrypt(_load_json(file), key.account_passphrase())
    account = cast(LocalAccount, Account.from_key(private_key))
    if file.name != f"{account.address}.json":
        raise ValueError("name")
    return account


def _load_json(file: Path) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(file.read_bytes()))
