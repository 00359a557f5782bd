"""The secret that opens a node's keyring, from its settings and the environment."""

from __future__ import annotations

from collections.abc import Mapping

from cityledger.errors import KeyringError
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.settings import Settings

PASSPHRASE_VARIABLE = "CITYLEDGER_PASSPHRASE"  # noqa: S105 - the name of a variable


def unlock_secret(settings: Settings, environment: Mapping[str, str]) -> UnlockSecret:
    """The bytes of the key file, else the passphrase of the environment.

    Raises:
        KeyringError: neither is set.
    """
    if settings.key_file is not None:
        return UnlockSecret.from_key_file(settings.key_file)
    passphrase = environment.get(PASSPHRASE_VARIABLE)
    if passphrase is None:
        raise KeyringError(
            f"set {PASSPHRASE_VARIABLE}, or name a key_file in the settings, to open the keyring"
        )
    return UnlockSecret.from_passphrase(passphrase)
