"""PKCS #11 URIs (RFC 7512), as far as a key of a node needs them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from cityledger.errors import ConfigurationError, KeyringError

_EXAMPLE = "pkcs11:token=city;object=operator?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:pin"
_PATH = frozenset({"token", "object"})
_QUERY = frozenset({"module-path", "pin-source"})
PIN_VARIABLE = "CITYLEDGER_PKCS11_PIN"


@dataclass(frozen=True, slots=True)
class Pkcs11Uri:
    """``module`` is the library of the security module, ``pin`` the user's; the repr does not show it."""

    module: str
    token: str
    object: str
    pin: str = field(repr=False)


def parse_pkcs11(value: str, folder: Path, environment: Mapping[str, str] = os.environ) -> Pkcs11Uri:
    """The URI in what follows ``pkcs11:``. The PIN is in the file that ``pin-source`` names (relative paths
    count from ``folder``), else in ``CITYLEDGER_PKCS11_PIN``; a PIN in the URI itself is refused.

    Raises:
        ConfigurationError: an attribute is missing or unknown.
        KeyringError: there is no PIN.
    """
    path, _, query = value.partition("?")
    given = {**_attributes(path.split(";"), _PATH), **_attributes(query.split("&"), _QUERY)}
    missing = {"token", "object", "module-path"} - given.keys()
    if missing:
        raise ConfigurationError(f"settings: pkcs11: lacks {', '.join(sorted(missing))}; e.g. {_EXAMPLE}")
    pin = _pin(given.get("pin-source"), folder, environment)
    return Pkcs11Uri(given["module-path"], given["token"], given["object"], pin)


def _attributes(texts: list[str], known: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in filter(None, texts):
        name, equals, value = text.partition("=")
        if name not in known or not equals or not value or name in found:
            raise ConfigurationError(
                f"settings: pkcs11: accepts {', '.join(sorted(known))}, each once and with a value, in this"
                f" place; e.g. {_EXAMPLE}"
            )
        found[name] = unquote(value)
    return found


def _pin(source: str | None, folder: Path, environment: Mapping[str, str]) -> str:
    if source is None:
        if PIN_VARIABLE not in environment:
            raise KeyringError(f"set {PIN_VARIABLE}, or name a pin-source in the pkcs11: URI")
        return environment[PIN_VARIABLE]
    try:
        return (folder / source.removeprefix("file:")).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise KeyringError("the pin-source of the pkcs11: URI cannot be read") from None
