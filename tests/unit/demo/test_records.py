import json
import re
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import jsonschema
import pytest

from cityledger.demo.datasets import DATASETS, DemoDataset
from cityledger.demo.people import people
from cityledger.demo.records import DemoRecord, records
from cityledger.profiles import registry
from cityledger.profiles.provider_id import verify_provider_id
from cityledger.types import SharingClass

AT = datetime(2026, 3, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))
PEOPLE = people(Random(1), 40)


def made(one: DemoDataset, seed: int = 7, count: int = 40) -> list[DemoRecord]:
    return list(records(one.path, Random(seed), PEOPLE, count, AT))


@pytest.mark.parametrize("one", DATASETS, ids=lambda one: one.path)
def test_records_fit_the_profile_and_its_published_schema(one: DemoDataset) -> None:
    profile = registry.get(one.profile)
    published = jsonschema.Draft202012Validator(profile.schema)
    for record in made(one):
        profile.validate(record.parts)
        published.validate({name: json.loads(part) for name, part in record.parts.items()})


@pytest.mark.parametrize("one", DATASETS, ids=lambda one: one.path)
def test_records_are_the_same_for_the_same_seed_alone(one: DemoDataset) -> None:
    assert made(one) == made(one)
    assert made(one) != made(one, seed=8)


@pytest.mark.parametrize("one", DATASETS, ids=lambda one: one.path)
def test_record_ids_are_unique_and_name_nobody(one: DemoDataset) -> None:
    ids = [record.provider_id for record in made(one)]
    assert len(set(ids)) == len(ids)
    for provider_id in ids:
        verify_provider_id(provider_id)


@pytest.mark.parametrize("one", DATASETS, ids=lambda one: one.path)
def test_records_are_about_known_people_or_nobody(one: DemoDataset) -> None:
    keys = {person.key for person in PEOPLE}
    persons = [record.persons for record in made(one)]
    assert all(keys.issuperset(group) for group in persons)
    about_people = one.profile != "parking" and one.sharing_class != SharingClass.UNCONDITIONAL
    assert all(bool(group) is about_people for group in persons)


def test_decimals_are_written_with_their_last_zero() -> None:
    dataset = next(one for one in DATASETS if one.path.endswith("outpatient-encounters"))
    observations = b"".join(record.parts["observations"] for record in made(dataset))
    assert re.search(rb'"value":\d+\.\d0[,}]', observations)


@pytest.mark.parametrize("name", ["on-street", "garages", "protected-sites"])
def test_parking_of_another_moment_is_the_same_place(name: str) -> None:
    dataset = next(one for one in DATASETS if one.path.endswith(name))
    later = records(dataset.path, Random(8), PEOPLE, 40, AT + timedelta(hours=1))
    changed: set[str] = set()
    for first, second in zip(made(dataset), later, strict=True):
        before, after = (json.loads(record.parts["state"]) for record in (first, second))
        changed |= {key for key in before if before[key] != after[key]}
    assert changed == {"availableSpotNumber", "occupiedSpotNumber", "occupancy", "observedAt"}


def test_records_are_not_later_than_now() -> None:
    for one in DATASETS:
        for record in made(one):
            for moment in re.findall(rb"\d{4}-\d\d-\d\dT[0-9:]+\+08:00", b"".join(record.parts.values())):
                assert datetime.fromisoformat(moment.decode()) <= AT.astimezone(UTC)


def test_records_refuse_an_unknown_path() -> None:
    with pytest.raises(KeyError):
        next(records("a/b/c", Random(1), PEOPLE, 1, AT))
