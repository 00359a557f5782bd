"""The states of docs/developer/parking.md, run as written on a node in this process that imports, too."""

import ast
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cityledger.client import Client
from cityledger.formats import registry
from cityledger.profiles.parking_entities import Quality
from support.node.node_fixture import TestNode

Connect = Callable[[str, str], Client]
PAGE = (Path(__file__).parents[3] / "docs/developer/parking.md").read_text("utf-8")


def block() -> str:
    found = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def importing(node: TestNode) -> Iterator[None]:
    """The node's loop of imports, as a running node has it."""
    stop = threading.Event()
    loop = threading.Thread(target=node.context.imports.run, args=(stop,))
    loop.start()
    yield
    stop.set()
    node.context.imports.wake()
    loop.join()


@pytest.mark.usefixtures("importing")
def test_example_writes_states_and_imports_a_file(
    connect: Connect, node: TestNode, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {
        "parking": connect("PARKING", "writer"),
        "reading": connect("PARKING", "reader"),
        "dataset": node.parking,
    }
    exec(block(), names)  # noqa: S102 - the page's own text

    unmarked, older, counts, state = capsys.readouterr().out.splitlines()
    assert unmarked.startswith("parts.state.occupiedSpotNumber is below zero; if it was so observed, mark it")
    assert "is older than the newest state" in older
    accepted, duplicates, flags = counts.split(" ", 2)
    assert (accepted, duplicates) == ("2", "1")
    assert ast.literal_eval(flags) == {"over-capacity": 1, "ambiguous-local-time": 1}
    body = json.loads(state)
    assert body["observedAt"] == "2016-10-30T01:30:00+01:00"
    assert body["quality"] == ["ambiguous-local-time", "over-capacity"]


@pytest.mark.parametrize("table", ["quality", "format"])
def test_tables_list_every_mark_and_every_format(table: str) -> None:
    if table == "quality":
        wanted = set(Quality.__args__)  # type: ignore[attr-defined]
    else:
        formats = {name: registry.get(name) for name in registry.names()}
        wanted = {name for name, one in formats.items() if one.profile == "parking"}
    listed = {name for line in PAGE.splitlines() if line.startswith("| `") for name in named(line)}
    assert wanted <= listed


def named(line: str) -> list[str]:
    """The names in the first cell of a table's row."""
    return re.findall(r"`([^`]+)`", line.split("|")[1])
