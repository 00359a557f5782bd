"""Transport reports the state of many streets at once, and tourism guides drivers to the emptiest.

Run it while `cityledger demo` serves:  python pyservice/examples/parking.py .cityledger/demo
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from cityledger.client import AccessContext, AsyncClient, load_credentials
from cityledger.types import DatasetId

STREETS = "transport/parking/on-street"
AT_ONCE = 8
"""A node is shared: send a few requests at a time, not all of them."""


async def main(folder: Path) -> None:
    sensors, guide = sign_in(folder, "transport-writer"), sign_in(folder, "culture-tourism-reader")
    async with sensors, guide:
        (streets,) = await sensors.catalog(STREETS)
        names = [f"example-street-{number}" for number in range(24)]
        gate = asyncio.Semaphore(AT_ONCE)

        async def report(number: int, name: str) -> None:
            async with gate:
                await sensors.put_record(streets.dataset, name, {"state": state(name, free=number)})

        async def look(name: str) -> int:
            async with gate:
                return await free_spots(guide, streets.dataset, name)

        await asyncio.gather(*(report(number, name) for number, name in enumerate(names)))
        free = await asyncio.gather(*(look(name) for name in names))
        emptiest = max(range(len(names)), key=free.__getitem__)
        print(f"{len(names)} streets, {sum(free)} free spots; go to {names[emptiest]} with {free[emptiest]}")


async def free_spots(guide: AsyncClient, dataset: DatasetId, name: str) -> int:
    record = await guide.get_record(dataset, name, AccessContext("PARKING_GUIDANCE", case="guide"))
    return int(json.loads(record.parts["state"])["availableSpotNumber"])


def state(name: str, free: int) -> dict[str, object]:
    """NGSI-LD OnStreetParking."""
    return {
        "id": f"urn:ngsi-ld:OnStreetParking:{name}",
        "type": "OnStreetParking",
        "location": {"type": "Point", "coordinates": [116.41, 39.91]},
        "totalSpotNumber": 30,
        "availableSpotNumber": free,
        "observedAt": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def sign_in(folder: Path, who: str) -> AsyncClient:
    loaded = load_credentials(folder / "credentials" / f"{who}.json")
    return AsyncClient(loaded.node or "http://127.0.0.1:8053", loaded.credentials, now=loaded.now)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
