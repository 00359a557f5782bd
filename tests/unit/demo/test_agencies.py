import pytest

from cityledger.demo.agencies import AGENCIES, DemoAgency


def test_agencies_are_53_and_no_two_share_a_name() -> None:
    assert len(AGENCIES) == 53
    for column in ("code", "name", "local_name"):
        assert len({getattr(agency, column) for agency in AGENCIES}) == 53


@pytest.mark.parametrize("agency", AGENCIES, ids=lambda agency: agency.code)
def test_agency_fits_the_registry(agency: DemoAgency) -> None:
    assert agency.code.isascii()
    assert 1 <= len(agency.code) <= 32
    assert agency.name.isascii()
    assert not agency.local_name.isascii()
