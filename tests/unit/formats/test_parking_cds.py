"""The examples of the Curb Data Specification: five payloads of two events, one zone and five policies. Both
events have one id and one moment and say different things of one zone; two policies occur twice."""

import json
from decimal import Decimal
from typing import Any

import pytest

from cityledger.errors import FormatError
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Row
from cityledger.strict_json import parse
from support.imports.memory_import import apply, one_refusal, one_row, read_rows
from support.imports.public_data import public_data

EXAMPLES = "parking/cds-examples.json"
EVENT: dict[str, Any] = {
    "event_id": "e1",
    "event_type": "park_start",
    "event_time": 1_552_678_578_632,
    "curb_zone_id": "z1",
}
POLICY: dict[str, Any] = {"curb_policy_id": "p1", "rules": [{"activity": "parking", "max_stay": 15}]}


def payload(kind: str, *items: object, **about: object) -> dict[str, object]:
    return {"version": "1.0", **about, "data": {kind: list(items)}}


def data(kind: str, *items: object, **about: object) -> bytes:
    return json.dumps(payload(kind, *items, **about)).encode()


def part_of(row: object, name: str) -> dict[str, Any]:
    assert isinstance(row, Row), row
    part = parse(row.parts[name], max_bytes=100_000)
    assert isinstance(part, dict)
    return part


def test_examples_go_in_as_states_a_place_and_restrictions() -> None:
    rows = read_rows("cds", public_data(EXAMPLES))
    outcome = apply(rows)
    assert not outcome.rejected
    parts = [name for row in rows if isinstance(row, Row) for name in row.parts]
    assert [parts.count(name) for name in ("state", "place", "restriction")] == [2, 1, 5]
    assert (outcome.accepted, outcome.duplicates, outcome.older, len(outcome.newest)) == (8, 0, 0, 5)


def test_every_field_of_every_example_can_be_read_back() -> None:
    rows = read_rows("cds", public_data(EXAMPLES))
    for row, (kind, item, about) in zip(rows, items(), strict=True):
        assert isinstance(row, Row)
        (name,) = row.parts
        part = part_of(row, name)
        source = dict(part["sourceFields"])
        assert source.pop("payload") == about
        assert source | SOURCES[kind](part, item) == item


def items() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    document = json.loads(public_data(EXAMPLES).read_bytes(), parse_float=Decimal)
    payloads = [one for group in document.values() for one in group]
    return [
        (kind, item, {name: value for name, value in one.items() if name != "data"})
        for one in payloads
        for kind, elements in one["data"].items()
        for item in elements
    ]


def event_of(part: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    event = part["event"]
    event_fields = {
        "event_id": event["id"],
        "event_type": event["type"],
        "curb_zone_id": part["id"].split(":", 3)[3],
    }
    assert part["location"] == item["event_location"]["geometry"]
    return event_fields | ({"event_purpose": event["purpose"]} if "purpose" in event else {})


def zone_of(part: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    return {"curb_zone_id": part["id"].split(":", 3)[3], "geometry": part["location"]}


def policy_of(part: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    policy_fields = {
        "curb_policy_id": part["id"],
        "priority": part["priority"],
        "published_date": item["published_date"],
        "rules": [rule_of(rule) for rule in part["rules"]],
    }
    if "timeSpans" in part:
        policy_fields["time_spans"] = [span_of(span) for span in part["timeSpans"]]
    return policy_fields


def rule_of(rule: dict[str, Any]) -> dict[str, Any]:
    names = {"activity": "activity", "maxStay": "max_stay", "userClasses": "user_classes"}
    rule_fields: dict[str, Any] = {own: rule[name] for name, own in names.items() if name in rule}
    if "rates" in rule:
        rule_fields["rate"] = [
            {"rate": rate["amount"], "rate_unit": rate["unit"], "rate_unit_period": rate["period"]}
            for rate in rule["rates"]
        ]
    return rule_fields


def span_of(span: dict[str, Any]) -> dict[str, Any]:
    span_fields = {"time_of_day_start": span["since"], "time_of_day_end": span["until"]}
    return span_fields | ({"days_of_week": [day.lower() for day in span["days"]]} if "days" in span else {})


SOURCES = {"events": event_of, "zones": zone_of, "policies": policy_of}


def test_event_of_a_zone_counts_no_spaces() -> None:
    row = one_row("cds", data("events", EVENT))
    assert row.provider_id == "z1"
    state = part_of(row, "state")
    assert state["observedAt"] == "2019-03-15T19:36:18.632Z"
    assert not {"totalSpotNumber", "availableSpotNumber", "occupiedSpotNumber", "status"} & state.keys()


@pytest.mark.parametrize(
    ("event_type", "status"), [("park_start", "occupied"), ("park_end", "free"), ("comms_lost", "unknown")]
)
def test_event_of_a_space_is_the_state_of_that_spot(event_type: str, status: str) -> None:
    row = one_row("cds", data("events", EVENT | {"curb_space_id": "s1", "event_type": event_type}))
    state = part_of(row, "state")
    assert (row.provider_id, state["type"], state["status"]) == ("s1", "ParkingSpot", status)
    assert state["sourceFields"]["curb_zone_id"] == "z1"
    assert apply([row]).accepted == 1


def test_policy_in_hours_is_told_in_minutes_and_kept_as_written() -> None:
    rules = [{"activity": "parking", "max_stay": 1.5, "max_stay_unit": "hour"}]
    part = part_of(one_row("cds", data("policies", POLICY | {"rules": rules})), "restriction")
    assert part["rules"] == [{"activity": "parking", "maxStay": 90}]
    assert part["sourceFields"]["rules"][0]["max_stay_unit"] == "hour"


def test_rate_has_the_currency_of_its_payload() -> None:
    rules = [
        {"activity": "parking", "rate": [{"rate": 500, "rate_unit": "hour", "rate_unit_period": "rolling"}]}
    ]
    row = one_row("cds", data("policies", POLICY | {"rules": rules}, currency="USD"))
    rate = {"amount": 500, "unit": "hour", "period": "rolling", "currency": "USD"}
    assert part_of(row, "restriction")["rules"] == [{"activity": "parking", "rates": [rate]}]
    assert apply([row]).accepted == 1


def test_time_span_with_more_than_days_and_times_is_kept_as_written() -> None:
    spans = [{"days_of_week": ["sat"], "months": [7]}]
    part = part_of(one_row("cds", data("policies", POLICY | {"time_spans": spans})), "restriction")
    assert part["timeSpans"] == [{"days": ["Sat"]}]
    assert part["sourceFields"]["time_spans"] == [{"days_of_week": ["sat"], "months": [7]}]


def test_zone_in_another_system_is_moved_and_keeps_its_geometry() -> None:
    ring = [[116.39, 39.90], [116.40, 39.90], [116.40, 39.91], [116.39, 39.90]]
    zone = {"curb_zone_id": "z1", "geometry": {"type": "Polygon", "coordinates": [ring]}}
    row = one_row("cds", data("zones", zone), ImportOptions(crs="GCJ-02"))
    place = part_of(row, "place")
    assert row.provider_id == "zone-z1"
    assert json.loads(json.dumps(place["sourceFields"]["geometry"], default=float)) == zone["geometry"]
    assert place["location"] != place["sourceFields"]["geometry"]


@pytest.mark.parametrize(
    ("kind", "item", "field"),
    [
        ("objects", {}, ""),
        ("events", 5, ""),
        ("events", EVENT | {"curb_zone_id": None}, "curb_zone_id"),
        ("events", EVENT | {"event_type": ""}, "event_type"),
        ("events", EVENT | {"event_time": "soon"}, "event_time"),
        ("events", EVENT | {"event_location": 5}, "event_location"),
        ("zones", {"curb_zone_id": "z/1", "geometry": 5}, "geometry"),
        ("policies", {}, "curb_policy_id"),
        ("policies", POLICY | {"rules": 5}, "rules"),
        ("policies", POLICY | {"rules": [{"max_stay_unit": "fortnight"}]}, "rules"),
        ("policies", POLICY | {"time_spans": [{"days_of_week": "mon"}]}, "time_spans"),
        ("policies", POLICY | {"published_date": "1970"}, "published_date"),
    ],
)
def test_item_is_refused_by_its_field(kind: str, item: object, field: str) -> None:
    assert one_refusal("cds", data(kind, item))[0] == field


@pytest.mark.parametrize(
    "document",
    [
        b"5",
        b'{"data": 5}',
        b'{"data": {"events": 5}}',
        b"[5]",
        b'{"a": [{}]}',
        b'[{"data": []}]',
        b'{"a": 5}',
    ],
)
def test_file_that_holds_no_payload_is_refused(document: bytes) -> None:
    with pytest.raises(FormatError, match=r"^data: "):
        read_rows("cds", document)


def test_payloads_come_alone_in_an_array_or_by_name() -> None:
    one = payload("events", EVENT)
    for document in (one, [one], {"events.md": [one], "metrics.md": []}):
        assert one_row("cds", json.dumps(document).encode()).provider_id == "z1"
