"""Opens the keys that a node's settings name: its keyring with the vault keys, and the operator's account."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from eth_account import Account as EthAccount

from cityledger.errors import ConfigurationError, KeyringError
from cityledger.key_sources.pkcs11_uri import parse_pkcs11
from cityledger.key_sources.secret_bytes import read_secret
from cityledger.key_sources.source import KEYRING, PKCS11, WEB3SIGNER, KeySource, parse_source
from cityledger.sealing.agency_keys import OpenVaultKey
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.sealing.wrap import VaultKey, WrappingKey
from cityledger.settings import Settings
from cityledger.signing import LocalSigner, Signer
from cityledger.types import Address, AgencyId


@dataclass(frozen=True, slots=True)
class ExternalVaultKeys:
    """Vault keys from a source outside the keyring, one per agency and epoch."""

    source: KeySource
    folder: Path

    def __call__(self, agency: AgencyId, epoch: int) -> WrappingKey:
        source = self.source.for_key(agency, epoch)
        if source.kind != PKCS11:
            return VaultKey(epoch, read_secret(source, self.folder), is_outside=True)
        key: WrappingKey = _pkcs11().TokenVaultKey(epoch, parse_pkcs11(source.value, self.folder))
        return key


def vault_keys_of(text: str, folder: Path) -> OpenVaultKey | None:
    """The source that the setting ``vault_keys`` names; None for the keyring itself.

    Raises:
        ConfigurationError: it is not a source of vault keys, or has one key for all agencies and epochs.
    """
    source = parse_source("vault_keys", text)
    if source.kind == KEYRING:
        return None
    if source.kind == WEB3SIGNER:
        raise ConfigurationError("settings: vault_keys cannot be at a web3signer, which only signs")
    if "{agency}" not in source.value or "{epoch}" not in source.value:
        raise ConfigurationError("settings: vault_keys must name {agency} and {epoch}: each has its own key")
    return ExternalVaultKeys(source, folder)


def open_keyring(settings: Settings, secret: UnlockSecret) -> Keyring:
    """The node's keyring, with vault keys from the source ``vault_keys``.

    Raises:
        KeyringError: an entry or a key cannot be opened.
    """
    return Keyring.open(settings.keyring, secret, vault_keys_of(settings.vault_keys, settings.keyring.parent))


def open_operator(settings: Settings, keyring: Keyring) -> Signer:
    """The account ``operator``, from the source ``operator_key``.

    Raises:
        ConfigurationError: the key is another account's, or the keyring does not hold it.
        KeyringError, KeyUnavailableError: the source cannot be opened.
    """
    address = Address(settings.operator)
    source = parse_source("operator_key", settings.operator_key)
    if source.kind == KEYRING:
        return _in_keyring(keyring, address)
    found = open_account(source, settings.keyring.parent, address)
    if found.address != address:
        raise ConfigurationError(f"settings: operator_key is the key of {found.address}, not of {address}")
    return found


def open_account(source: KeySource, folder: Path, address: Address | None) -> Signer:
    """The account whose key a source outside the keyring keeps; a remote signer needs its ``address``."""
    if source.kind == WEB3SIGNER:
        from cityledger.key_sources.web3signer import Web3Signer

        if address is None:
            raise ConfigurationError("a web3signer: may keep several keys; name the operator's address")
        return Web3Signer.connect(source.value, address)
    if source.kind == PKCS11:
        signer: Signer = _pkcs11().TokenSigner(parse_pkcs11(source.value, folder))
        return signer
    return LocalSigner(EthAccount.from_key(read_secret(source, folder)))


def _pkcs11() -> ModuleType:
    """The module for PKCS #11, loaded only where it is used: its library is an extra."""
    try:
        return import_module("cityledger.key_sources.pkcs11_keys")
    except ImportError as error:
        raise ConfigurationError("a pkcs11: source needs `pip install 'cityledger[node,pkcs11]'`") from error


def _in_keyring(keyring: Keyring, address: Address) -> Signer:
    try:
        return LocalSigner(keyring.account(address))
    except KeyringError as error:
        raise ConfigurationError(f"settings: operator {address} is not in the keyring") from error
