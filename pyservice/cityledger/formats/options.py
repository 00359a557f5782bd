"""What a sender must say about a file because the file does not: told, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of an import. A format refuses those that it does not take (``Format.takes``).

    ``upsert`` and ``columns`` go with every format that has acts or columns.
    """

    timezone: str | None = None
    """IANA name of the zone of times that are written without an offset."""
    observed_at: str | None = None
    """When a file that names no time was taken, RFC 3339 with offset."""
    place: str | None = None
    """The place that a file without a column for it is about."""
    capacity: int | None = None
    """How many spaces that place has."""
    crs: str | None = None
    """The coordinate reference system of a file that names none: ``EPSG:25832``, ``GCJ-02``, ``BD-09``."""
    split: str | None = None
    """How a FHIR Bundle becomes records: ``encounter`` (default) or ``resource``."""
    upsert: bool = False
    """Take a change of an unknown id as its addition, and pass over a deletion of one."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """The file's own column names, by the name that the format expects: ``{"Occupancy": "Occupied"}``."""
    skip_columns: tuple[str, ...] = ()
    """Columns of the file, by its own names, whose cells are left out."""
    profile: str | None = None
    """The dataset's profile. The node says so, not the sender; only the native CSV needs it."""
