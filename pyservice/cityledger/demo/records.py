"""Synthetic records for each dataset of the demo city, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

import msgspec

from cityledger.demo import medical as treatments
from cityledger.demo import parking as places
from cityledger.demo import property as titles
from cityledger.demo.draft import Draft
from cityledger.demo.people import Person

Maker = Callable[[Random, Sequence[Person], int, datetime], Draft]


@dataclass(frozen=True, slots=True)
class DemoRecord:
    """A record to submit. ``persons`` are the keys of its subjects; none for a thing.

    ``parts`` holds JSON as bytes, with decimals such as 6.10 that must be returned as written.
    """

    provider_id: str
    persons: tuple[str, ...]
    parts: Mapping[str, bytes]


def records(
    path: str, random: Random, people: Sequence[Person], count: int, at: datetime
) -> Iterator[DemoRecord]:
    """``count`` records of the dataset at ``path``, about some of ``people``; none is later than ``at``.

    ``at`` has an offset, which the records' own times have too.

    Raises:
        KeyError: the demo city does not have the dataset.
    """
    make = _MAKERS[path]
    for number in range(1, count + 1):
        draft = make(random, people, number, at)
        yield DemoRecord(
            draft.provider_id, draft.persons, {name: _json(part) for name, part in draft.parts.items()}
        )


def _json(part: object) -> bytes:
    return _ENCODER.encode(part)


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _outpatient(random: Random, people: Sequence[Person], number: int, at: datetime) -> Draft:
    return treatments.treatment(random, random.choice(people), number, at, psychiatric=False)


def _psychiatric(random: Random, people: Sequence[Person], number: int, at: datetime) -> Draft:
    return treatments.treatment(random, random.choice(people), number, at, psychiatric=True)


def _title(random: Random, people: Sequence[Person], number: int, at: datetime) -> Draft:
    return titles.title(random, _owners(random, people), number, at, contested=False)


def _contested_title(random: Random, people: Sequence[Person], number: int, at: datetime) -> Draft:
    return titles.title(random, _owners(random, people), number, at, contested=True)


def _owners(random: Random, people: Sequence[Person]) -> Sequence[Person]:
    return random.sample(people, min(len(people), random.choice((1, 1, 2, 3))))


def _of_nobody(make: Callable[[Random, int, datetime], Draft]) -> Maker:
    return lambda random, _people, number, at: make(random, number, at)


_MAKERS: Mapping[str, Maker] = {
    "health-services/treatment/outpatient-encounters": _outpatient,
    "health-services/surveillance/sentinel-reports": _of_nobody(treatments.sentinel_report),
    "health-services/treatment/psychiatric-encounters": _psychiatric,
    "real-estate/registration/titles": _title,
    "real-estate/land/state-parcels": _of_nobody(titles.state_parcel),
    "real-estate/registration/contested-titles": _contested_title,
    "transport/parking/on-street": _of_nobody(places.street),
    "transport/parking/garages": _of_nobody(places.garage),
    "public-security/parking/protected-sites": _of_nobody(places.protected_site),
}
