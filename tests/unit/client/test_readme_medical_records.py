"""The README's example of medical records, run as it stands against a node in this process."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cityledger.client import Client
from support.node.node_fixture import TestNode

Connect = Callable[[str, str], Client]
README = Path(__file__).parents[3] / "pyservice" / "README.md"


def test_example_writes_finds_and_reads(
    connect: Connect, node: TestNode, capsys: pytest.CaptureFixture[str]
) -> None:
    section = README.read_text().partition("## Medical records")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    names = {
        "hospital": connect("HEALTH", "writer"),
        "reading": connect("HEALTH", "reader"),
        "dataset": node.health,
    }
    exec(found[1], names)  # noqa: S102 - the README's own text
    assert capsys.readouterr().out == "1 ['observations', 'summary'] 1\n"
