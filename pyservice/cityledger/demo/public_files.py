"""Public files that agencies of several cities published, each with its format and options.

The files themselves are not part of the project; their folder is named when they are imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cityledger.formats.options import ImportOptions

VISITS = "health-services/treatment/outpatient-encounters"
TITLES = "real-estate/registration/titles"
STREET = "transport/parking/on-street"
GARAGES = "transport/parking/garages"

_BERLIN = "Europe/Berlin"


@dataclass(frozen=True, slots=True)
class PublicFile:
    """Files of one kind: ``pattern`` below the folder, the dataset of the demo city that they go into."""

    pattern: str
    path: str
    format: str
    options: ImportOptions = field(default_factory=ImportOptions)


FILES = (
    PublicFile("medical/synthea-bundles/*.json*", VISITS, "fhir"),
    PublicFile("medical/hl7-r4-examples/*.json", VISITS, "fhir"),
    PublicFile("realestate/hmlr-price-paid/*.csv", TITLES, "hmlr-price-paid"),
    PublicFile("realestate/hdb-resale-*.csv", TITLES, "hdb-resale"),
    PublicFile("realestate/tw-lvr-*.csv", TITLES, "tw-lvr"),
    PublicFile(
        "parking/birmingham-*.csv", GARAGES, "birmingham-occupancy", ImportOptions(timezone="Europe/London")
    ),
    PublicFile(
        "parking/dresden-altmarkt-*.csv",
        GARAGES,
        "dresden-occupancy",
        ImportOptions(timezone=_BERLIN, place="dresden-altmarkt"),
    ),
    PublicFile(
        "parking/dresden-citycenter-*.csv",
        GARAGES,
        "dresden-occupancy",
        ImportOptions(timezone=_BERLIN, place="dresden-citycenter"),
    ),
    PublicFile("parking/dresden-lots.geojson", GARAGES, "dresden-lots"),
    PublicFile("parking/melbourne-bay-sensors-*.csv", STREET, "melbourne-bays"),
    PublicFile("parking/melbourne-zone-signs.csv", STREET, "melbourne-signs"),
    PublicFile("parking/city-feeds/freiburg.json", GARAGES, "freiburg", ImportOptions(timezone=_BERLIN)),
    PublicFile("parking/city-feeds/konstanz.json", GARAGES, "konstanz"),
    PublicFile("parking/city-feeds/vrn_p_r.json", GARAGES, "vrn"),
    PublicFile(
        "parking/city-feeds/pbw_*.json",
        GARAGES,
        "pbw",
        ImportOptions(observed_at="2024-06-01T12:00:00+02:00"),  # the feed does not name its time
    ),
    PublicFile("parking/city-feeds/ulm-sensors_realtime-parking-sites.json", GARAGES, "ulm-sites"),
    PublicFile("parking/city-feeds/ulm-sensors_realtime-parking-spots.json", STREET, "ulm-spots"),
    PublicFile("parking/ngsi-examples/*.json*", STREET, "ngsi-ld"),
    PublicFile("parking/cds-examples.json", STREET, "cds"),
)
"""The files in the order of their import: months of changes follow each other."""


def files_in(folder: Path) -> Iterator[tuple[Path, PublicFile]]:
    """Every existing file, with its kind."""
    for kind in FILES:
        for path in sorted(folder.glob(kind.pattern)):
            yield path, kind
