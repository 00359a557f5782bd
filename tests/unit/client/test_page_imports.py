"""The example of docs/developer/imports.md, run as written on a node in this process that imports, too."""

import io
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cityledger.client import Client
from cityledger.exchange.imports.outcomes import Outcome
from cityledger.formats.options import ImportOptions
from support.node.node_fixture import TestNode

Connect = Callable[[str, str], Client]
PAGE = (Path(__file__).parents[3] / "docs/developer/imports.md").read_text("utf-8")
FILE = (
    b"No,act,title.uid,title.type,title.address.district,title.address.street,title.area.value,title.area.unit\n"
    b"t-1,add,110101-001-0007,apartment,Xicheng,Xidan,61.50,m2\n"
    b"t-2,add,110101-001-0008,apartment,Xicheng,Xidan,many,m2\n"
)


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
def test_example_imports_and_reports_the_rejected_row(
    connect: Connect, node: TestNode, capsys: pytest.CaptureFixture[str]
) -> None:
    block = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    names = {
        "land": connect("LAND", "writer"),
        "titles": node.land,
        "file": io.BytesIO(FILE),
        "ImportOptions": ImportOptions,
    }
    exec(block[1], names)  # noqa: S102 - the page's own text

    *_, counts, row = capsys.readouterr().out.splitlines()
    assert "'accepted': 1" in counts
    assert row == "2 title.area.value must be number, as JSON writes it"


def test_table_lists_every_outcome() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [one.value for one in Outcome]
