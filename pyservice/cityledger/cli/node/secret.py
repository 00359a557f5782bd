"""What opens a node's keyring: a key file, the passphrase in the environment, or one that is typed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from cityledger.errors import KeyringError
from cityledger.node.unlocking import PASSPHRASE_VARIABLE, unlock_secret
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.settings import Settings


def secret_of(settings: Settings, environment: Mapping[str, str]) -> UnlockSecret:
    """The secret of a node that exists.

    Raises:
        KeyringError: there is none, and no terminal to ask for it.
    """
    if settings.key_file is None and PASSPHRASE_VARIABLE not in environment and sys.stdin.isatty():
        return UnlockSecret.from_passphrase(
            typer.prompt("Passphrase of the keyring", hide_input=True, err=True)
        )
    return unlock_secret(settings, environment)


def new_secret(key_file: Path | None, environment: Mapping[str, str]) -> UnlockSecret:
    """The secret of a node that is being set up; a passphrase is typed twice.

    Raises:
        KeyringError: there is none, and no terminal to ask for it.
    """
    if key_file is not None:
        return UnlockSecret.from_key_file(key_file)
    if PASSPHRASE_VARIABLE in environment:
        return UnlockSecret.from_passphrase(environment[PASSPHRASE_VARIABLE])
    if not sys.stdin.isatty():
        raise KeyringError(f"give --key-file, or set {PASSPHRASE_VARIABLE}, to make the keyring")
    typed = typer.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return UnlockSecret.from_passphrase(typed)
