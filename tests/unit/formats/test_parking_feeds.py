"""Live feeds with coordinates. Freiburg: 19 car parks in a national grid, one of which says that it has no
space. Konstanz: 11, all well. Rhine-Neckar: 16 places of which two have no sensor, two share an id, and two
count more cars and free spaces together than they have spaces."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest

from cityledger.errors import FormatError
from cityledger.formats.instants import moment
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Row
from cityledger.strict_json import parse
from support.imports.local_times import local_text
from support.imports.memory_import import apply, one_refusal, one_row, read_rows
from support.imports.public_data import public_data

FREIBURG = "parking/city-feeds/freiburg.json"
KONSTANZ = "parking/city-feeds/konstanz.json"
VRN = "parking/city-feeds/vrn_p_r.json"
BERLIN = ImportOptions(timezone="Europe/Berlin")
KINDS = {"parkingGarage": "Parkhaus", "underground": "Tiefgarage", "parkingLot": "Parkplatz"}


def test_freiburg_goes_in_and_the_garage_without_spaces_is_marked() -> None:
    outcome = apply(read_rows("freiburg", public_data(FREIBURG), BERLIN))
    assert (outcome.accepted, len(outcome.newest), dict(outcome.rejected)) == (19, 19, {})
    without = [one for one in features(FREIBURG) if one["properties"]["obs_max"] == "0"]
    assert outcome.flags == {"zero-capacity": len(without)} == {"zero-capacity": 1}


def test_freiburg_stands_in_freiburg() -> None:
    for row in read_rows("freiburg", public_data(FREIBURG), BERLIN):
        longitude, latitude = part_of(row, "state")["location"]["coordinates"]
        assert Decimal("7.7") < longitude < Decimal("7.95")
        assert Decimal("47.95") < latitude < Decimal("48.05")


def test_every_field_of_freiburg_can_be_read_back() -> None:
    rows = read_rows("freiburg", public_data(FREIBURG), BERLIN)
    for row, feature in zip(rows, features(FREIBURG), strict=True):
        state = part_of(row, "state")
        source = dict(state["sourceFields"])
        assert source.pop("geometry") == feature["geometry"]
        assert source.pop("crs") == "EPSG:25832"
        assert feature["properties"] == source | {
            "obs_parkid": state["id"].rpartition(":")[2],
            "park_name": state["name"],
            "obs_max": str(state["totalSpotNumber"]),
            "obs_free": str(state["availableSpotNumber"]),
            "obs_ts": local_text(state["observedAt"]),
        }


def test_freiburg_is_refused_without_its_zone_or_in_another_grid_than_it_says() -> None:
    with pytest.raises(FormatError, match=r"^timezone: "):
        read_rows("freiburg", public_data(FREIBURG))
    with pytest.raises(FormatError, match=r"^crs: the file itself names another"):
        options = ImportOptions(timezone="Europe/Berlin", crs="EPSG:25833")
        read_rows("freiburg", public_data(FREIBURG), options)


def freiburg(**changes: object) -> bytes:
    properties = {
        "obs_parkid": "13",
        "obs_max": "105",
        "obs_free": "56",
        "obs_ts": "2024-06-10 10:20:00",
        "park_name": "A",
    }
    feature = {"properties": {**properties, **changes}, "geometry": None}
    return json.dumps({"features": [feature]}).encode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"obs_free": None}, "obs_free"),
        ({"obs_free": 56}, "obs_free"),
        ({"obs_max": "many"}, "obs_max"),
        ({"obs_parkid": " "}, "obs_parkid"),
        ({"obs_ts": "2024-03-31 02:20:00"}, "obs_ts"),
    ],
)
def test_car_park_of_freiburg_is_refused_by_its_field(changes: dict[str, object], field: str) -> None:
    assert one_refusal("freiburg", freiburg(**changes), BERLIN)[0] == field


@pytest.mark.parametrize(("free", "flag"), [("-4", "negative"), ("106", "over-capacity")])
def test_odd_count_of_freiburg_is_kept_and_marked(free: str, flag: str) -> None:
    row = one_row("freiburg", freiburg(obs_free=free), BERLIN)
    assert row.flags == (flag,)
    assert apply([row]).accepted == 1


def test_konstanz_goes_in_as_places_and_states() -> None:
    rows = read_rows("konstanz", public_data(KONSTANZ))
    outcome = apply(rows)
    assert (outcome.accepted, dict(outcome.rejected), dict(outcome.flags)) == (11, {}, {})
    assert all(isinstance(row, Row) and set(row.parts) == {"state", "place"} for row in rows)


def test_every_field_of_konstanz_can_be_read_back() -> None:
    for row, feature in zip(read_rows("konstanz", public_data(KONSTANZ)), features(KONSTANZ), strict=True):
        state, place = part_of(row, "state"), part_of(row, "place")
        assert feature["attributes"] == place["sourceFields"] | {
            "id": int(place["id"].rpartition(":")[2]),
            "name": place["name"],
            "max_cap": place["totalSpotNumber"],
            "type": KINDS[place["category"][0]],
            "address": place["address"]["streetAddress"],
            "updated": milliseconds(state["observedAt"]),
            "real_capa": state["totalSpotNumber"],
            "real_fcap": state["availableSpotNumber"],
        }
        assert place["location"]["coordinates"] == [feature["geometry"]["x"], feature["geometry"]["y"]]
        assert state["location"] == place["location"]


def konstanz(reference: object, **changes: object) -> bytes:
    attributes = {"id": 4.0, "name": "A", "updated": 1_723_876_205_000, "real_fcap": 3, **changes}
    feature = {"attributes": attributes, "geometry": {"x": 1_021_512.0, "y": 6_049_470.0}}
    return json.dumps({"spatialReference": reference, "features": [feature]}).encode()


def test_konstanz_in_web_mercator_by_esris_own_number_is_converted() -> None:
    row = one_row("konstanz", konstanz({"wkid": 102_100, "latestWkid": 3_857}))
    longitude, latitude = part_of(row, "state")["location"]["coordinates"]
    radius = 6_378_137.0
    north = math.degrees(2 * math.atan(math.exp(6_049_470.0 / radius)) - math.pi / 2)
    assert [float(longitude), float(latitude)] == pytest.approx(
        [math.degrees(1_021_512.0 / radius), north], abs=1e-6
    )
    source = part_of(row, "place")["sourceFields"]
    assert source == {"geometry": {"x": Decimal("1021512.0"), "y": Decimal("6049470.0")}, "crs": "EPSG:3857"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": None}, "id"),
        ({"id": 4.5}, "id"),
        ({"updated": None}, "updated"),
        ({"name": " "}, "name"),
        ({"real_fcap": True}, "real_fcap"),
    ],
)
def test_car_park_of_konstanz_is_refused_by_its_field(changes: dict[str, object], field: str) -> None:
    assert one_refusal("konstanz", konstanz({"wkid": 3_857}, **changes))[0] == field


def test_konstanz_is_refused_in_a_system_without_a_number() -> None:
    with pytest.raises(FormatError, match=r"^spatialReference: "):
        read_rows("konstanz", konstanz({"wkt": "GEOGCS[]"}))


def test_rhine_neckar_goes_in_and_what_cannot_be_counted_is_marked() -> None:
    rows = read_rows("vrn", public_data(VRN))
    outcome = apply(rows)
    raw = [one["properties"] for one in features(VRN)]
    assert (outcome.accepted, len(outcome.newest), dict(outcome.rejected)) == (16, 16, {})
    contradictory = [
        one
        for one in raw
        if one["realtime_occupied"] is not None
        and one["realtime_free_capacity"] + one["realtime_occupied"] > one["capacity"]
    ]
    assert outcome.flags == {"inconsistent": len(contradictory)} == {"inconsistent": 2}
    without = [row.provider_id for row in rows if isinstance(row, Row) and "state" not in row.parts]
    assert without == [one["original_uid"] for one in raw if one["vrn_sensor_id"] is None]
    assert len(without) == 2


def test_places_of_rhine_neckar_that_share_an_id_are_told_apart_by_their_sensors() -> None:
    ids = {row.provider_id for row in read_rows("vrn", public_data(VRN)) if isinstance(row, Row)}
    assert {"2-2-2-153768-664", "2-2-2-153768-678"} <= ids


def test_every_field_of_rhine_neckar_can_be_read_back() -> None:
    for row, feature in zip(read_rows("vrn", public_data(VRN)), features(VRN), strict=True):
        place = part_of(row, "place")
        source = place["sourceFields"] | {
            "name": place["name"],
            "capacity": place["totalSpotNumber"],
            "type": KINDS[place["category"][0]],
            "address": place["address"]["streetAddress"],
        }
        assert isinstance(row, Row)
        if "state" in row.parts:
            state = part_of(row, "state")
            source |= state["sourceFields"] | {
                "realtime_free_capacity": state["availableSpotNumber"],
                "realtime_occupied": state["occupiedSpotNumber"],
                "reatime_data_updated": milliseconds(state["observedAt"]),
            }
        assert source == feature["properties"]
        assert place["location"] == feature["geometry"]


def test_counts_of_rhine_neckar_without_a_time_are_refused() -> None:
    properties = {"original_uid": "1", "name": "A", "realtime_occupied": 3, "reatime_data_updated": None}
    data = json.dumps({"features": [{"properties": properties, "geometry": None}]}).encode()
    assert one_refusal("vrn", data)[0] == "reatime_data_updated"


def features(path: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(public_data(path).read_bytes(), parse_float=Decimal)["features"]
    return read


def milliseconds(instant: str) -> int:
    return round(moment(instant).timestamp() * 1_000)


def part_of(row: object, name: str) -> dict[str, Any]:
    assert isinstance(row, Row), row
    part = parse(row.parts[name], max_bytes=100_000)
    assert isinstance(part, dict)
    return part
