"""The example of docs/developer/medical.md, run as written against a node in this process."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cityledger.client import Client
from support.node.node_fixture import TestNode

Connect = Callable[[str, str], Client]
PAGE = Path(__file__).parents[3] / "docs/developer/medical.md"


def test_example_writes_finds_and_reads(
    connect: Connect, node: TestNode, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    names = {
        "hospital": connect("HEALTH", "writer"),
        "reading": connect("HEALTH", "reader"),
        "dataset": node.health,
    }
    exec(found[1], names)  # noqa: S102 - the page's own text
    assert capsys.readouterr().out == "1 ['observations', 'summary'] 1\n"
