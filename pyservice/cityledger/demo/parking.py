"""Synthetic parking states around the centre of Beijing.

A place follows from its number alone, only its occupancy from the randomness: a second call gives the same
place at another moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from cityledger.demo.draft import Draft

_STREETS = ("西单北大街", "王府井大街", "东直门内大街", "三里屯路", "中关村大街", "金融街")
_GARAGES = ("国贸地下停车场", "西直门停车楼", "朝阳大悦城停车场", "北京南站P1")
_CENTRE = (Decimal("116.397"), Decimal("39.908"))


def street(random: Random, number: int, at: datetime) -> Draft:
    """A stretch of kerb as a polygon of about 100 by 10 metres."""
    west, south = _position(number)
    east, north = west + Decimal("0.00120"), south + Decimal("0.00010")
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    about = {
        "name": _STREETS[number % len(_STREETS)],
        "location": {"type": "Polygon", "coordinates": [ring]},
        "category": ["feeCharged", "shortTerm"],
    }
    return _draft(random, "OnStreetParking", f"roadside-{number:04}", about, 6 + number * 37 % 55, at)


def garage(random: Random, number: int, at: datetime) -> Draft:
    about = {
        "name": _GARAGES[number % len(_GARAGES)],
        "location": _point(number),
        "layout": ["multiLevel"],
    }
    return _draft(random, "OffStreetParking", f"garage-{number:04}", about, 80 + number * 379 % 1_121, at)


def protected_site(random: Random, number: int, at: datetime) -> Draft:
    about = {
        "name": f"重点单位{number:03}",
        "location": _point(number),
        "requiredPermit": ["specificIdentifiedVehiclePermit"],
    }
    return _draft(random, "OffStreetParking", f"protected-{number:04}", about, 20 + number * 53 % 181, at)


def _draft(
    random: Random, kind: str, place: str, about: Mapping[str, object], total: int, at: datetime
) -> Draft:
    available = random.randint(0, total)
    observed = at - timedelta(seconds=random.randrange(300))
    state = {
        "id": f"urn:ngsi-ld:{kind}:beijing:{place}",
        "type": kind,
        **about,
        "status": "open" if available else "full",
        "totalSpotNumber": total,
        "availableSpotNumber": available,
        "occupiedSpotNumber": total - available,
        "occupancy": (Decimal(total - available) / total).quantize(Decimal("0.01")),
        "observedAt": observed.isoformat(timespec="seconds"),
    }
    return Draft(place, (), {"state": state})


def _position(number: int) -> tuple[Decimal, Decimal]:
    """A position within about 10 km of the centre, in steps of a metre; the primes spread neighbours."""
    longitude, latitude = _CENTRE
    east = Decimal(number * 7_919 % 22_001 - 11_000).scaleb(-5)
    north = Decimal(number * 6_007 % 18_001 - 9_000).scaleb(-5)
    return longitude + east, latitude + north


def _point(number: int) -> Mapping[str, object]:
    return {"type": "Point", "coordinates": list(_position(number))}
