"""The wire's JSON and the SDK's dataclasses, both ways."""

from dataclasses import dataclass

import pytest

from cityledger.api.audit import wire as audit
from cityledger.api.directory import wire as directory
from cityledger.api.lookups import wire as lookups
from cityledger.api.records import wire as records
from cityledger.api.signin import wire as signin
from cityledger.api.stewards import wire as stewards
from cityledger.client import answers
from cityledger.client.wire import base64url, from_base64url, json_of, read_answer
from cityledger.errors import FieldError, NodeError
from cityledger.types import Agency, AgencyStatus, Purpose, SharingClass, purpose_from_name

EXAMPLES = {
    Agency: directory.AgencyView,
    answers.Dataset: directory.DatasetView,
    answers.WhoAmI: signin.WhoAmI,
    answers.Written: records.Written,
    answers.FoundRecord: lookups.FoundRecord,
    answers.HistoryVersion: lookups.HistoryItem,
    answers.LeafPlace: records.TombstonePlace,
    answers.Mined: records.MinedView,
    answers.DecisionAnswer: stewards.DecisionView,
    answers.ListedGrant: stewards.GrantView,
    answers.Read: audit.ReadView,
    answers.ReadsPage: audit.Reads,
}


@pytest.mark.parametrize(("kind", "view"), EXAMPLES.items(), ids=lambda one: one.__name__)
def test_examples_of_the_api_are_read_and_written_back(kind: type, view: type) -> None:
    (example,) = view.model_config["json_schema_extra"]["examples"]  # type: ignore[attr-defined]
    assert {**example, **json_of(read_answer(kind, example, "example"))}.keys() == example.keys()
    again = json_of(read_answer(kind, example, "example"))
    assert {name: str(value) for name, value in again.items()} == {
        name: str(value) for name, value in example.items()
    }


@dataclass(frozen=True)
class Sample:
    a_number: int
    name: str
    status: AgencyStatus
    purposes: tuple[Purpose, ...]
    digest: bytes | None


GOOD = {"aNumber": "18446744073709551615", "name": "x", "status": "active", "purposes": ["A"], "digest": None}


def test_read_answer_accepts_decimal_strings_and_ignores_unknown_members() -> None:
    read = read_answer(Sample, {**GOOD, "new": 1}, "a test")
    assert read == Sample(2**64 - 1, "x", AgencyStatus.ACTIVE, (purpose_from_name("A"),), None)


@pytest.mark.parametrize(
    "changed",
    [
        {"aNumber": True}, {"aNumber": "01"}, {"aNumber": 1.5}, {"name": 7}, {"status": "gone"},
        {"purposes": "A"}, {"purposes": ["a"]}, {"digest": "ab"}, {"digest": "0xzz"},
    ],
)  # fmt: skip
def test_read_answer_refuses_other_forms(changed: dict[str, object]) -> None:
    with pytest.raises(NodeError, match="a test has another form: " + next(iter(changed))):
        read_answer(Sample, {**GOOD, **changed}, "a test")


def test_read_answer_names_what_is_missing() -> None:
    with pytest.raises(NodeError, match="name: is missing"):
        read_answer(Sample, {key: value for key, value in GOOD.items() if key != "name"}, "a test")
    with pytest.raises(NodeError, match="is not an object"):
        read_answer(Sample, [], "a test")


def test_base64url_has_one_form() -> None:
    assert from_base64url(base64url(b"\xff\xfe\xfd\xfc"), "x") == b"\xff\xfe\xfd\xfc"
    with pytest.raises(FieldError):
        from_base64url("a+b/", "x")


def test_json_of_writes_enums_by_name() -> None:
    assert json_of((SharingClass.NOT_SHARED, b"\x01")) == ["not_shared", "0x01"]
