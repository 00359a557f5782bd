import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import network

from cityledger.errors import FieldError, FormatError
from cityledger.formats import coordinates
from cityledger.formats.coordinates import converter, named

BEIJING = st.tuples(st.floats(73.0, 135.0), st.floats(4.0, 53.0))
"""Well within the rectangle in which GCJ-02 shifts."""


def convert(crs: str, east: object, north: object) -> tuple[Decimal, Decimal]:
    return converter(named(crs))(Decimal(str(east)), Decimal(str(north)), "at")


def test_wgs_84_stays_as_written() -> None:
    at = convert("EPSG:4326", "8.6649200000000519", "49.290")
    assert [str(number) for number in at] == ["8.6649200000000519", "49.290"]


@pytest.mark.parametrize("latitude", [39.0, 47.9990, 54.9])
def test_utm_on_its_central_meridian_is_the_length_of_the_meridian(latitude: float) -> None:
    found = convert("EPSG:25832", 500_000, 0.9996 * meridian_metres(latitude))
    assert found[0] == 9
    assert abs(float(found[1]) - latitude) < 1e-7


def meridian_metres(latitude: float, steps: int = 20_000) -> float:
    """From the equator, on GRS 80: the radius of curvature summed up (midpoint rule)."""
    axis, flattening = 6_378_137.0, 1 / 298.257222101
    eccentricity = flattening * (2 - flattening)
    step = math.radians(latitude) / steps
    radii = (
        axis * (1 - eccentricity) / (1 - eccentricity * math.sin((number + 0.5) * step) ** 2) ** 1.5
        for number in range(steps)
    )
    return math.fsum(radii) * step


@given(longitude=st.floats(-179.9, 179.9), latitude=st.floats(-85.0, 85.0))
def test_web_mercator_is_its_closed_form(longitude: float, latitude: float) -> None:
    radius = 6_378_137.0
    east = radius * math.radians(longitude)
    north = radius * math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))
    found = convert("EPSG:3857", east, north)
    assert abs(float(found[0]) - longitude) < 1e-6
    assert abs(float(found[1]) - latitude) < 1e-6


# Pairs of WGS 84 and GCJ-02 that implementations of the formulas publish as their test points.
GCJ_POINTS = {
    "Shanghai": ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
    "Shenzhen": ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
    "Beijing": ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
}


@pytest.mark.parametrize(("true", "shifted"), GCJ_POINTS.values(), ids=GCJ_POINTS)
def test_gcj_02_goes_back_to_where_it_came_from(
    true: tuple[float, float], shifted: tuple[float, float]
) -> None:
    found = convert("GCJ-02", *shifted)
    assert [float(number) for number in found] == pytest.approx(true, abs=1e-7)


@given(true=BEIJING)
def test_gcj_02_and_bd_09_go_back_to_a_centimetre(true: tuple[float, float]) -> None:
    shifted = coordinates._to_gcj(*true)
    assert [float(number) for number in convert("GCJ-02", *shifted)] == pytest.approx(true, abs=1.1e-7)
    again = coordinates._to_bd(*shifted)
    assert [float(number) for number in convert("bd-09", *again)] == pytest.approx(true, abs=1.1e-7)


@given(true=BEIJING)
def test_the_shift_is_some_hundred_metres(true: tuple[float, float]) -> None:
    shifted = coordinates._to_gcj(*true)
    metres = (
        math.hypot((shifted[0] - true[0]) * math.cos(math.radians(true[1])), shifted[1] - true[1]) * 111_000
    )
    assert metres < 1_500


@pytest.mark.parametrize("crs", ["GCJ-02", "BD-09"])
@pytest.mark.parametrize("at", [("144.96978894261684", "-37.81620493158199"), ("13.738320", "51.05089")])
def test_chinese_systems_leave_the_rest_of_the_world(crs: str, at: tuple[str, str]) -> None:
    assert [str(number) for number in convert(crs, *at)] == list(at)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("EPSG:25832", "EPSG:25832"),
        ("urn:ogc:def:crs:EPSG::25832", "EPSG:25832"),
        ("urn:ogc:def:crs:EPSG:9.8:25832", "EPSG:25832"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"),
        ("gcj-02", "GCJ-02"),
    ],
)
def test_named_shortens_the_forms_that_feeds_use(name: str, short: str) -> None:
    assert named(name) == short


@pytest.mark.parametrize("name", ["", "25832", "EPSG:", "EPSG:1234567", "+proj=utm", "EPSG:４３２６"])
def test_named_refuses_other_forms(name: str) -> None:
    with pytest.raises(FormatError, match=r"^crs: must be EPSG:n, GCJ-02 or BD-09"):
        named(name)


def test_converter_refuses_a_code_of_no_system() -> None:
    with pytest.raises(FormatError, match=r"^crs: PROJ does not know a coordinate reference system"):
        converter("EPSG:9999")


@pytest.mark.parametrize(
    ("crs", "east", "north", "reason"),
    [
        ("EPSG:4326", 39.9, 116.4, "longitude and latitude are swapped"),
        ("GCJ-02", 39.9, 116.4, "longitude and latitude are swapped"),
        ("EPSG:4326", 200, 10, "must be a longitude and latitude on Earth"),
        ("EPSG:25832", 5_317_088, 413_824, "lies outside the area of EPSG:25832"),
        ("EPSG:25832", 1e30, 1e30, "is not a position in EPSG:25832"),
    ],
)
def test_converter_refuses_what_is_not_on_earth(crs: str, east: float, north: float, reason: str) -> None:
    with pytest.raises(FieldError, match=rf"^at: .*{reason}"):
        convert(crs, east, north)


def test_proj_is_kept_off_the_network() -> None:
    network.set_network_enabled(active=True)  # type: ignore[attr-defined] # of a compiled module
    coordinates._projected.cache_clear()
    convert("EPSG:25832", 413_824, 5_317_088)
    assert not network.is_network_enabled()  # type: ignore[attr-defined]
