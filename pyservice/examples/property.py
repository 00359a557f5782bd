"""A land registry enters a title and a sale; of two sales of one title only the first is entered.

Run it while `cityledger demo` serves:  python pyservice/examples/property.py .cityledger/demo
"""

import sys
import uuid
from decimal import Decimal
from pathlib import Path

from cityledger.client import OWN_DUTY, Client, load_credentials
from cityledger.errors import StaleVersionError
from cityledger.profiles.title_acts import Entered, Money, NewParty, register, transfer

TITLES = "real-estate/registration/titles"
WANG, LI = NewParty("P1", "王秀英"), NewParty("P2", "李伟")


def main(folder: Path) -> None:
    registry, reading = (sign_in(folder, f"planning-resources-{role}") for role in ("writer", "reader"))
    with registry, reading:
        (titles,) = registry.catalog(TITLES)
        name = f"title-{uuid.uuid4().hex[:8]}"

        parts = register(title(name), [(WANG, "1/1")], Entered("2019-05-01", number="2019-1"))
        registry.put_record(titles.dataset, name, parts, expected_version=0)

        # Two desks read version 1, and each makes the next version from it: the second one is refused.
        newest = reading.get_record(titles.dataset, name, OWN_DUTY)
        price = Money(Decimal("3200000.50"))
        sale = transfer(newest.parts, "P1", LI, "1/2", Entered("2020-09-02"), price=price)
        for desk in ("first", "second"):
            try:
                version = registry.put_record(titles.dataset, name, sale, expected_version=newest.version)
                print(f"{desk} desk: entered as version {version.version}")
            except StaleVersionError as late:
                print(f"{desk} desk: {late}")

        for entry in reading.history(titles.dataset, name, OWN_DUTY):
            read = reading.get_record(titles.dataset, name, OWN_DUTY, version=entry.version)
            print(f"version {entry.version}: {read.parts['transaction'].decode()}")


def title(name: str) -> dict[str, object]:
    """The registry's data of the flat (ISO 19152)."""
    return {
        "uid": name,
        "type": "apartment",
        "address": {"district": "朝阳区", "street": "建国路88号", "unit": "1201"},
        "area": {"value": 89, "unit": "m2"},
    }


def sign_in(folder: Path, who: str) -> Client:
    loaded = load_credentials(folder / "credentials" / f"{who}.json")
    return Client(loaded.node or "http://127.0.0.1:8053", loaded.credentials, now=loaded.now)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
