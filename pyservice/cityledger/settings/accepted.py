"""The values that a setting accepts, declared at its field and applied to every field of a settings class.

Each field names exactly one rule: ``field(default=900, metadata=between(1, 900))``. A field without one is
refused when settings are read, so that a new setting cannot be added without its range.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any, Protocol

from cityledger.settings.networks import parse_networks

ACCEPTS = "accepts"
"""The key of a field's metadata that holds its rule."""
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that no setting needs: control characters, lone surrogates, line breaks."""


class Rule(Protocol):
    """``str(rule)`` completes "must be"; it is shown in errors and in the table of settings."""

    def admits(self, value: Any) -> bool: ...


@dataclass(frozen=True, slots=True)
class Range:
    """A number from ``lowest`` to ``highest``, both included; ``None`` if ``or_empty``. Infinity and NaN are
    never admitted.
    """

    lowest: float
    highest: float
    or_empty: bool = False

    def admits(self, value: Any) -> bool:
        if value is None:
            return self.or_empty
        return bool(self.lowest <= value <= self.highest)

    def __str__(self) -> str:
        return f"{self.lowest} to {self.highest}" + (", or empty" if self.or_empty else "")


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text, or a path, that matches ``pattern`` whole; ``None`` where the field allows it."""

    words: str
    pattern: str

    def admits(self, value: Any) -> bool:
        if value is None:
            return True
        text = str(value)
        return is_one_line(text) and re.fullmatch(self.pattern, text) is not None

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class ShortNames:
    """A table of short names without a slash, each with text on one line."""

    def admits(self, value: Any) -> bool:
        return all(
            name and "/" not in name and is_one_line(name) and text and is_one_line(text)
            for name, text in value.items()
        )

    def __str__(self) -> str:
        return "short names without a slash, each with the full name of a dataset"


@dataclass(frozen=True, slots=True)
class NetworkList:
    """Addresses and networks with commas between."""

    def admits(self, value: Any) -> bool:
        try:
            parse_networks(str(value))
        except ValueError:
            return False
        return True

    def __str__(self) -> str:
        return "addresses or networks with commas between, or empty"


def between(lowest: float, highest: float, *, or_empty: bool = False) -> Mapping[str, Rule]:
    return {ACCEPTS: Range(lowest, highest, or_empty)}


def text(words: str, pattern: str = r".+") -> Mapping[str, Rule]:
    return {ACCEPTS: Text(words, pattern)}


def network_list() -> Mapping[str, Rule]:
    return {ACCEPTS: NetworkList()}


def short_names() -> Mapping[str, Rule]:
    return {ACCEPTS: ShortNames()}


def rule_of(field: Field[Any]) -> Rule:
    """The field's rule.

    Raises:
        TypeError: it declares none. A mistake in the program, never in a file.
    """
    rule: Rule | None = field.metadata.get(ACCEPTS)
    if rule is None:
        raise TypeError(f"the setting {field.name} declares no range")
    return rule


def refusals(kind: type, values: Mapping[str, Any]) -> list[str]:
    """A complaint for each of ``values`` that its field in ``kind`` does not accept.

    Repeats no value: a URL may hold a password.
    """
    rules = {field.name: rule_of(field) for field in fields(kind)}
    return [
        f"{name} must be {rule}"
        for name, rule in rules.items()
        if name in values and not rule.admits(values[name])
    ]


def is_one_line(value: str) -> bool:
    return not any(unicodedata.category(character) in _UNSEEN for character in value)
