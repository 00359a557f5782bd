from itertools import product

import pytest

from cityledger.demo.agencies import AGENCIES
from cityledger.demo.datasets import DATASETS, PURPOSES, DemoDataset, dataset
from cityledger.profiles import registry
from cityledger.types import EMERGENCY, OWN_DUTY, SharingClass, purpose_from_name

CODES = {agency.code for agency in AGENCIES}
CLASSES = (SharingClass.UNCONDITIONAL, SharingClass.CONDITIONAL, SharingClass.NOT_SHARED)


def test_datasets_are_each_profile_in_each_class() -> None:
    found = sorted((one.profile, one.sharing_class) for one in DATASETS)
    assert found == sorted(product(registry.names(), CLASSES))


def test_dataset_is_found_by_its_path() -> None:
    assert [dataset(one.path) for one in DATASETS] == list(DATASETS)


@pytest.mark.parametrize("one", DATASETS, ids=lambda one: one.path)
def test_dataset_can_be_published(one: DemoDataset) -> None:
    assert one.provider in CODES
    assert len(one.path.encode()) <= 200
    assert all(one.path.split("/"))
    assert one.path.count("/") == 2
    assert 1 <= len(one.parts) <= 8
    assert all(1 <= len(part.encode()) <= 32 for part in one.parts)
    assert one.retention_seconds > 0


@pytest.mark.parametrize("one", DATASETS, ids=lambda one: one.path)
def test_terms_keep_to_the_specification(one: DemoDataset) -> None:
    purposes = one.terms.purposes
    assert set(one.purposes) <= set(PURPOSES)
    assert 1 <= len(purposes) <= 16
    assert list(purposes) == sorted(set(purposes))
    assert not {OWN_DUTY, EMERGENCY} & set(purposes)


def test_every_purpose_of_the_city_is_a_name_that_some_dataset_takes() -> None:
    assert {purpose for one in DATASETS for purpose in one.purposes} == set(PURPOSES)
    assert len({purpose_from_name(name) for name in PURPOSES}) == len(PURPOSES)
