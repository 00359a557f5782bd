"""Options that a sender gives about a file because the file lacks them; they are never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of an import. A format refuses those outside of ``Format.supported_options``.

    ``upsert`` and ``columns`` are supported by every format that has acts or columns.
    """

    timezone: str | None = None
    """IANA name of the zone of times that are written without an offset."""
    observed_at: str | None = None
    """The time of a file that names none, RFC 3339 with offset."""
    place: str | None = None
    """The place of a file without a column for it."""
    capacity: int | None = None
    """The number of spaces of that place."""
    crs: str | None = None
    """The coordinate reference system of a file that names none: ``EPSG:25832``, ``GCJ-02``, ``BD-09``."""
    split: str | None = None
    """The unit of records of a FHIR Bundle: ``encounter`` (default) or ``resource``."""
    upsert: bool = False
    """A change of an unknown id counts as its addition, and a deletion of one is ignored."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """The file's own column names, by the name that the format expects: ``{"Occupancy": "Occupied"}``."""
    skip_columns: tuple[str, ...] = ()
    """Columns of the file, by its own names, that are ignored."""
    profile: str | None = None
    """The dataset's profile. The node sets it, not the sender; only the native CSV needs it."""
