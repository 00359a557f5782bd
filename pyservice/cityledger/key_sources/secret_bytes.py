"""A key of 32 bytes from a file or from the output of a command."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from cityledger.errors import KeyringError
from cityledger.key_sources.source import COMMAND, FILE, KeySource

_KEY_BYTES = 32
_MOST_BYTES = 256
_COMMAND_SECONDS = 30.0


def read_secret(source: KeySource, folder: Path) -> bytes:
    """The key: 32 bytes, or 64 hex digits with or without 0x and surrounding white space. Paths are relative
    to ``folder``.

    Raises:
        KeyringError: it cannot be read, is readable by others, or is not a key; never repeats its bytes.
    """
    if source.kind == FILE:
        return _decode(_read_file(folder / source.value), "the key file")
    if source.kind == COMMAND:
        return _decode(_run(source.value, folder), "the output of the key command")
    raise KeyringError(f"a key of 32 bytes cannot come from {source.kind}:")


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # Of the open file: the path may name another one by now.
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyringError(f"the key file {path.name} is readable by others; chmod 600 it")
            return file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise KeyringError(f"the key file {path.name} cannot be read: {error.strerror}") from error


def _run(command: str, folder: Path) -> bytes:
    """The output of the program. Its error output goes to that of the node: it may name the next step."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of the operator's choice, without a shell
            shlex.split(command),
            cwd=folder if folder.is_dir() else None,  # a new node has none yet
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except ValueError:
        raise KeyringError("the key command has an open quotation mark") from None
    except OSError as error:
        raise KeyringError(f"the key command cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        # Not chained: the exception holds the output.
        raise KeyringError(f"the key command did not end within {_COMMAND_SECONDS:.0f} s") from None
    if done.returncode != 0:
        raise KeyringError(f"the key command ended with exit code {done.returncode}")
    return done.stdout


def _decode(data: bytes, what: str) -> bytes:
    if len(data) == _KEY_BYTES:
        return data
    try:
        key = bytes.fromhex(data.decode("ascii").strip().removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise KeyringError(f"{what} must be 32 bytes or 64 hex digits")
    return key
