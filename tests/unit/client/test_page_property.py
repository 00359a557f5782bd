"""The title's life of docs/developer/property.md, run as written against a node in this process."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cityledger.client import AccessContext, Client
from cityledger.errors import PayloadError, StaleVersionError
from cityledger.profiles.title_acts import Entered, NewParty, transfer
from support.node.node_fixture import TestNode

Connect = Callable[[str, str], Client]
PAGE = Path(__file__).parents[3] / "docs/developer/property.md"


def block() -> str:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def run(code: str, names: dict[str, object]) -> None:
    exec(code, names)  # noqa: S102 - the page's own text


@pytest.fixture
def names(connect: Connect, node: TestNode) -> dict[str, object]:
    """What the example's reader has at hand: two signed-in clients and the dataset."""
    return {"registry": connect("LAND", "writer"), "reading": connect("LAND", "reader"), "dataset": node.land}


def test_example_leads_a_title_through_its_acts(
    names: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    run(block(), names)

    lines = [line.split(" ", 1) for line in capsys.readouterr().out.splitlines()]
    assert [number for number, _ in lines] == ["1", "2", "3", "4", "5"]
    assert [json.loads(act)["type"] for _, act in lines] == [
        "registration",
        "charge",
        "restriction",
        "withdrawalOfRestriction",
        "transfer",
    ]


def test_example_title_refuses_a_transfer_while_it_is_seized(
    names: dict[str, object], node: TestNode
) -> None:
    run(block().partition("enter(lift")[0], names)
    newest = names["reading"].get_record(node.land, "title-1", AccessContext("OWN_DUTY"))  # type: ignore[attr-defined]

    with pytest.raises(PayloadError, match="a seizure is in force"):
        transfer(newest.parts, "P1", NewParty("P2", "李伟"), "1/2", Entered("2020-07-01"))


def test_second_of_two_transfers_of_one_version_is_refused(names: dict[str, object], node: TestNode) -> None:
    run(block().partition("loan = ")[0], names)
    registry: Client = names["registry"]  # type: ignore[assignment]
    newest = names["reading"].get_record(node.land, "title-1", AccessContext("OWN_DUTY"))  # type: ignore[attr-defined]
    both = [
        transfer(newest.parts, "P1", NewParty(pid, name), "1/1", Entered("2020-09-02"))
        for pid, name in (("P2", "李伟"), ("P3", "赵敏"))
    ]

    registry.put_record(node.land, "title-1", both[0], expected_version=newest.version)
    with pytest.raises(StaleVersionError):
        registry.put_record(node.land, "title-1", both[1], expected_version=newest.version)
