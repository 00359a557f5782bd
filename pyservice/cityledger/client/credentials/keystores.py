"""V3 keystores (Web3 Secret Storage) of on-chain officers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from cityledger.errors import ConfigurationError, KeyringError

AskPassphrase = Callable[[Path], str]
"""Asks a person for the passphrase of the keystore at a path."""


def load_account(path: Path, password_file: Path | None, ask: AskPassphrase | None = None) -> LocalAccount:
    """The account in the keystore ``path``; its passphrase is in ``password_file``, or is asked for.

    Raises:
        KeyringError: a file cannot be read, or the passphrase is wrong.
        ConfigurationError: there is neither a file with the passphrase nor a terminal to ask for it.
    """
    try:
        keystore = json.loads(path.read_text("utf-8"))
        passphrase = password_file.read_text("utf-8").rstrip("\r\n") if password_file else None
    except (OSError, ValueError) as error:
        raise KeyringError(f"cannot read the keystore or its passphrase: {error}") from None
    if passphrase is None:
        passphrase = _ask_for_passphrase(path, ask)
    try:
        opened: LocalAccount = Account.from_key(Account.decrypt(keystore, passphrase))
    except (ValueError, KeyError, TypeError):
        # Without the cause: it may quote the passphrase.
        raise KeyringError(f"{path} is not a keystore, or the passphrase is wrong") from None
    return opened


def _ask_for_passphrase(path: Path, ask: AskPassphrase | None) -> str:
    if ask is None or not sys.stdin.isatty():
        raise ConfigurationError(
            f"the passphrase of {path} cannot be asked for without a terminal; put it into a file and name"
            ' that: "passwordFile" in a credentials file, --password-file on the command line'
        )
    return ask(path)
