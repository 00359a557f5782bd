"""A profile: the named parts of a record, the schema that describes them and the check that enforces it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib import resources

from cityledger.errors import MalformedJsonError, PayloadError
from cityledger.strict_json import Json, parse

Parts = Mapping[str, bytes]
"""The exact bytes of each part, by name."""
MAX_PARTS = 8
"""A grant names parts in a uint8 (SPEC.md §1)."""
_MAX_SAFE_INTEGER = 2**53 - 1
"""RFC 8785 represents numbers as IEEE 754 doubles."""


@dataclass(frozen=True)
class ProfilePart:
    """One named part. ``check(value, path)`` raises PayloadError with a path that begins with ``path``.

    2^``padding`` bytes (9 to 16) are the minimum to which it is padded before it is sealed (SPEC.md §5):
    enough for nearly every payload, because an absent part is padded to the same.

    A part without a check is binary: it is sent as a stream, and is never in a JSON body.
    """

    name: str
    media_type: str
    required: bool
    check: Callable[[Json, str], None] | None
    padding: int

    @property
    def is_binary(self) -> bool:
        return self.check is None


@dataclass(frozen=True)
class Profile:
    """The form of a record. The order of ``parts`` is that of the part bits, and never changes.

    ``check_together`` sees the parsed parts that are present, after each has passed its own check; a binary
    part that is present is an empty object to it.

    ``is_same(old, new)`` returns whether two records' parts have the same content, so that the second makes
    no new version; without it only an import omits parts that are equal byte for byte. ``instant_of(parts)``
    is the time when a state was observed, at full precision: one older than the newest is refused.
    ``contradicts(old, new)`` returns whether both are states of one instant that differ: the second is
    refused, and flagged in a file. ``identifiers_of(parts)`` are the business identifiers, ``(system,
    value)`` each, by which a record can be found.
    """

    name: str
    title: str
    parts: tuple[ProfilePart, ...]
    check_together: Callable[[Mapping[str, Json]], None]
    is_same: Callable[[Parts, Parts], bool] | None = None
    instant_of: Callable[[Parts], tuple[datetime, str] | None] | None = None
    contradicts: Callable[[Parts, Parts], bool] | None = None
    identifiers_of: Callable[[Parts], tuple[tuple[str, str], ...]] | None = None

    @property
    def binary_parts(self) -> frozenset[str]:
        """Names of the parts that are streams."""
        return frozenset(part.name for part in self.parts if part.is_binary)

    @property
    def part_names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    @property
    def media_types(self) -> dict[str, str]:
        return {part.name: part.media_type for part in self.parts}

    def padding_of(self, part_name: str) -> int:
        """The padding of a part; for an unknown name, that of the profile's largest part."""
        known = {part.name: part.padding for part in self.parts}
        return known.get(part_name, max(known.values()))

    @cached_property
    def schema(self) -> dict[str, object]:
        """The published JSON Schema document, one property per part.

        It is read from the package instead of generated from the models: its digest is in every leaf, and
        must not change with the version of a library. A test checks that the models still match.
        """
        document = resources.files(__package__).joinpath(f"schemas/{self.name}.json").read_bytes()
        schema: dict[str, object] = json.loads(document)
        return schema

    @cached_property
    def schema_digest(self) -> bytes:
        """SHA-256 of the schema's canonical bytes, 32 bytes: the ``schema`` of a record leaf (SPEC.md §3)."""
        return hashlib.sha256(canonical_bytes(self.schema)).digest()

    def validate(self, parts: Parts, streams: Collection[str] = ()) -> None:
        """Checks the exact bytes of a record's JSON parts; ``streams`` names the binary parts of the record.

        The caller limits the size, since limits depend on the route.

        Raises:
            PayloadError: names the field, as in ``parts.summary.status``.
        """
        self._refuse_wrong_set(parts, streams)
        values: dict[str, Json] = {name: {} for name in streams}
        for part in self.parts:
            if part.check is not None and part.name in parts:
                values[part.name] = _parsed(parts[part.name], f"parts.{part.name}")
                part.check(values[part.name], f"parts.{part.name}")
        self.check_together(values)

    def validate_together(self, parts: Parts, streams: Collection[str]) -> None:
        """Checks JSON parts, each valid by itself, together with other binary parts than ``validate`` knew.

        Raises:
            PayloadError: names the field.
        """
        values: dict[str, Json] = {name: {} for name in streams}
        self.check_together(values | {name: _parsed(data, f"parts.{name}") for name, data in parts.items()})

    def _refuse_wrong_set(self, parts: Parts, streams: Collection[str]) -> None:
        for name in (*parts, *streams):
            if name not in self.part_names:
                raise PayloadError(
                    f"parts.{name[:64]}",
                    f"no such part; profile {self.name} has {', '.join(self.part_names)}",
                )
        for names, are_streams in ((parts, False), (streams, True)):
            for name in names:
                if (name in self.binary_parts) != are_streams:
                    form = "JSON" if are_streams else "a stream"
                    raise PayloadError(f"parts.{name}", f"this part is {form}")
        for part in self.parts:
            if part.required and part.name not in parts:
                raise PayloadError(f"parts.{part.name}", "this part is required")


def canonical_bytes(document: object) -> bytes:
    """RFC 8785 form of a document whose numbers are integers within ±(2^53 − 1), as those of schemas are.

    Raises:
        ValueError: it holds another number, whose text RFC 8785 defines by another language, or a value that
            JSON lacks.
    """
    ordered = _ordered(document)
    return json.dumps(ordered, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _ordered(value: object) -> object:
    """The value with its keys in order of their UTF-16 code units (RFC 8785 §3.2.3)."""
    match value:
        case dict() if all(isinstance(key, str) for key in value):
            by_units = sorted(value, key=lambda key: key.encode("utf-16-be"))
            return {key: _ordered(value[key]) for key in by_units}
        case list() | tuple():
            return [_ordered(item) for item in value]
        case str() | bool() | None:
            return value
        case int() if abs(value) <= _MAX_SAFE_INTEGER:
            return value
    raise ValueError("is not text, a list, an object, or an integer that every JSON reader knows exactly")


def _parsed(data: bytes, path: str) -> Json:
    if not data.strip(b" \t\r\n"):
        raise PayloadError(path, "must not be empty: omit the part, or give it a value")
    try:
        value = parse(data, max_bytes=len(data))
    except MalformedJsonError as error:
        joint = "." if error.field and not error.field.startswith("[") else ""
        raise PayloadError(f"{path}{joint}{error.field}", error.reason) from error
    if value is None or value in ({}, [], ""):
        raise PayloadError(path, "must not be empty: omit the part, or give it a value")
    return value
