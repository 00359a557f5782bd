"""A profile: the named parts of a record, the schema that describes them and the check that enforces it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

from cityledger.errors import MalformedJsonError, PayloadError
from cityledger.strict_json import Json, parse

MAX_PARTS = 8
"""A grant names parts in a uint8 (SPEC.md §1)."""


@dataclass(frozen=True)
class ProfilePart:
    """One named part. ``check(value, path)`` raises PayloadError with a path that begins with ``path``."""

    name: str
    media_type: str
    required: bool
    check: Callable[[Json, str], None]


@dataclass(frozen=True)
class Profile:
    """The form of a record. The order of ``parts`` is that of the part bits, and never changes.

    ``check_together`` sees the parsed parts that are present, after each has passed its own check.
    """

    name: str
    title: str
    parts: tuple[ProfilePart, ...]
    check_together: Callable[[Mapping[str, Json]], None]

    @property
    def part_names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    @property
    def media_types(self) -> dict[str, str]:
        return {part.name: part.media_type for part in self.parts}

    @cached_property
    def schema(self) -> dict[str, object]:
        """The published JSON Schema document, one property a part.

        Read from the package rather than made from the models: its digest goes into every leaf, and must not
        change with the version of a library. A test shows that the models still say the same.
        """
        document = resources.files(__package__).joinpath(f"schemas/{self.name}.json").read_bytes()
        schema: dict[str, object] = json.loads(document)
        return schema

    @cached_property
    def schema_digest(self) -> bytes:
        """SHA-256 of the schema's canonical bytes, 32 bytes: the ``schema`` of a record leaf (SPEC.md §3)."""
        return hashlib.sha256(canonical_bytes(self.schema)).digest()

    def validate(self, parts: Mapping[str, bytes]) -> None:
        """Check the exact bytes of a record's parts.

        Size is the edge's to limit; it knows the route.

        Raises:
            PayloadError: names the field, as in ``parts.summary.status``.
        """
        self._refuse_wrong_set(parts)
        values = {
            part.name: _parsed(parts[part.name], f"parts.{part.name}")
            for part in self.parts
            if part.name in parts
        }
        for part in self.parts:
            if part.name in values:
                part.check(values[part.name], f"parts.{part.name}")
        self.check_together(values)

    def _refuse_wrong_set(self, parts: Mapping[str, bytes]) -> None:
        for name in parts:
            if name not in self.part_names:
                raise PayloadError(
                    f"parts.{name[:64]}",
                    f"no such part; profile {self.name} has {', '.join(self.part_names)}",
                )
        for part in self.parts:
            if part.required and part.name not in parts:
                raise PayloadError(f"parts.{part.name}", "this part is required")


def canonical_bytes(schema: Mapping[str, object]) -> bytes:
    """RFC 8785 form of a document with ASCII keys and no number but integers, as schemas here are."""
    return json.dumps(
        schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _parsed(data: bytes, path: str) -> Json:
    if not data.strip(b" \t\r\n"):
        raise PayloadError(path, "a part is left out or holds something; it is never empty")
    try:
        value = parse(data, max_bytes=len(data))
    except MalformedJsonError as error:
        raise PayloadError(f"{path}.{error.field}" if error.field else path, error.reason) from error
    if value is None or value in ({}, [], ""):
        raise PayloadError(path, "a part is left out or holds something; it is never empty")
    return value
