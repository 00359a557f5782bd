"""A file that a command was told to read; ``-`` is stdin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cityledger.errors import ConfigurationError


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """
    Raises:
        ConfigurationError: it cannot be read.
    """
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
    with stream:
        yield stream
