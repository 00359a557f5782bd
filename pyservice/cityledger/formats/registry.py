"""The formats that this version reads, by name. Each is loaded on first use."""

from __future__ import annotations

import importlib

from cityledger.errors import NotFoundError
from cityledger.formats.rows import Format

_PLACES = {
    "ndjson": "native",
    "csv": "native",
    "fhir": "fhir_bundle",
    "fhir-ndjson": "fhir_bundle",
    "hmlr-price-paid": "land_hmlr",
    "hdb-resale": "land_hdb",
    "tw-lvr": "land_tw_lvr",
    "birmingham-occupancy": "parking_birmingham",
    "dresden-occupancy": "parking_dresden",
    "dresden-lots": "parking_dresden",
    "melbourne-bays": "parking_melbourne",
    "melbourne-signs": "parking_melbourne",
    "freiburg": "parking_feeds",
    "konstanz": "parking_feeds",
    "vrn": "parking_feeds",
    "pbw": "parking_feeds",
    "ulm-sites": "parking_feeds",
    "ulm-spots": "parking_feeds",
    "ngsi-ld": "parking_ngsi",
    "cds": "parking_cds",
}
"""The module of each format; it has a mapping ``FORMATS`` by name."""


def names() -> tuple[str, ...]:
    return tuple(_PLACES)


def of_profile(profile: str) -> list[Format]:
    """The formats for records of a profile, those for any profile first."""
    return [one for one in map(get, names()) if one.profile in (None, profile)]


def get(name: str) -> Format:
    """The format of that name.

    Raises:
        NotFoundError: this version does not have the format.
    """
    if name not in _PLACES:
        raise NotFoundError("format")
    module = importlib.import_module(f"cityledger.formats.{_PLACES[name]}")
    found: Format = module.FORMATS[name]
    return found
