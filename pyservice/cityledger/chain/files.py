"""Writing a small JSON file so that a crash leaves either the old one or the new one, never half of one."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from cityledger.errors import ConfigurationError


def save_json(path: Path, value: Any, *, private: bool = False) -> None:
    """Replaces ``path`` by ``value``, on disk before this returns. ``private`` keeps others from reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o600 if private else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_json(path: Path, next_step: str) -> dict[str, Any]:
    """The JSON object in ``path``.

    Raises:
        ConfigurationError: missing (then ``next_step`` says what to run), or not a JSON object.
    """
    try:
        held = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing; {next_step}") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    if not isinstance(held, dict):
        raise ConfigurationError(f"{path} is not a JSON object")
    return held
