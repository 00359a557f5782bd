"""One table of ``cityledger.toml`` and the environment, as the values of a frozen dataclass; each value
knows where it came from.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from cityledger.errors import ConfigurationError
from cityledger.settings.accepted import refusals

FILE_NAME = "cityledger.toml"
CLIENT_TABLE = "client"
DEFAULT = "default"
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")

Convert = Callable[[str, Any, Path], Any]
"""A value as it is used, from its name, what was written, and the folder that paths are relative to."""


@dataclass(frozen=True, slots=True)
class Sources:
    """``values`` are converted and hold no defaults; ``origins`` say for every name where its value came
    from: the file, a variable, or ``default``. ``wrong`` is what to complain about."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    wrong: tuple[str, ...]


def read_tables(path: Path) -> dict[str, Any]:
    """The file's tables; empty where there is no file.

    Raises:
        ConfigurationError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error


def gather(
    kind: type, table: Mapping[str, Any], environment: Mapping[str, str], folder: Path, convert: Convert
) -> Sources:
    """What file and environment say for the fields of ``kind``. Never raises: all complaints come back."""
    known = {field.name: field for field in fields(kind)}
    overriding = {name: variable_of(name) for name in known if variable_of(name) in environment}
    given = {**table, **{name: environment[variable] for name, variable in overriding.items()}}
    needed = {field.name for field in known.values() if field.default is field.default_factory is MISSING}
    wrong = [f"{name} is unknown" for name in sorted(given.keys() - known.keys())]
    wrong += [f"{name} is missing" for name in sorted(needed - given.keys())]
    values: dict[str, Any] = {}
    for name in sorted(given.keys() & known.keys()):
        try:
            values[name] = convert(str(known[name].type), given[name], folder)
        except ValueError:
            wrong.append(f"{name} should be {known[name].type}")
    wrong += refusals(kind, values)
    origins = {name: overriding.get(name, FILE_NAME if name in table else DEFAULT) for name in known}
    return Sources(values, origins, tuple(wrong))


def variable_of(name: str) -> str:
    """The environment variable that overrides a setting."""
    return f"CITYLEDGER_{name.upper()}"


def converted(kind: str, value: Any, folder: Path) -> Any:
    """``value``, a TOML value or a variable's text, as the type that the field is annotated with.

    Raises:
        ValueError: it is not of that type.
    """
    if kind.startswith("Path"):
        return (folder / _path(value)).resolve()
    if kind == "int | None" and value == "":
        return None
    if kind in ("int", "int | None"):
        return _number(value, int)
    if kind == "float":
        return _number(value, float)
    if kind.startswith("Mapping"):
        return _texts(value)
    return _text(value)


def _path(value: Any) -> str:
    if not _text(value):
        raise ValueError("an empty path would be the folder itself")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not text")
    return value


def _number(value: Any, kind: type) -> Any:
    if isinstance(value, bool) or (kind is int and isinstance(value, float)):
        raise ValueError("not a number")
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError("not a number in digits 0 to 9")
    try:
        return kind(value)
    except OverflowError as error:
        raise ValueError("beyond every float") from error


def _texts(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise ValueError("not a table")
    return {name: _text(text) for name, text in value.items()}
