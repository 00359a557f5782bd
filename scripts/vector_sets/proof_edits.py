"""Changes to a good proof file (3 leaves before it, 3 after) that every reader must refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from scripts.vector_sets.leaves import LEDGER
from scripts.vector_sets.values import (
    Vector,
)

Edit = Callable[[Vector], object]


def make_edits() -> Iterable[tuple[str, str, Edit]]:
    """(name, why, change to the parsed file)."""

    def put(*path: Any, value: object) -> Edit:
        def change(view: Any) -> None:
            for step in path[:-1]:
                view = view[step]
            view[path[-1]] = value

        return change

    strict = "unknown members are refused"
    yield "unknown member at the top", strict, put("note", value="x")
    yield "unknown member in the leaf", strict, put("leaf", "note", value="x")
    yield "unknown member in a part", strict, put("leaf", "parts", 0, "nameHash", value="x")
    yield "unknown member in the tree", strict, put("tree", "note", value=1)
    yield "unknown member in the anchor", strict, put("anchor", "note", value=1)
    yield "unknown member in an opening", strict, put("openings", 0, "note", value=1)
    yield "missing format", "required", lambda view: view.pop("format")
    yield "missing leaf", "required", lambda view: view.pop("leaf")
    yield "missing tree", "required", lambda view: view.pop("tree")
    yield "missing anchor", "required", lambda view: view.pop("anchor")
    yield "missing leaf.type", "required", lambda view: view["leaf"].pop("type")
    yield "missing tree.count", "required", lambda view: view["tree"].pop("count")
    yield "another format", "format is fixed", put("format", value="cityledger-proof/2")
    yield "unknown leaf type", "three types only", put("leaf", "type", value="Receipt")
    yield "leaf type is a list", "three types only", put("leaf", "type", value=["RecordLeaf"])
    one_form = "one value has one form"
    yield "seq as a number", one_form, put("leaf", "seq", value=41)
    yield "seq with a leading zero", one_form, put("leaf", "seq", value="041")
    yield "seq with a plus sign", one_form, put("leaf", "seq", value="+41")
    yield "seq with a space", one_form, put("leaf", "seq", value="41 ")
    yield "seq with a line feed", one_form, put("leaf", "seq", value="41\n")
    yield "seq in hex", one_form, put("leaf", "seq", value="0x29")
    yield "seq in other digits", one_form, put("leaf", "seq", value="٤١")
    yield "seq empty", one_form, put("leaf", "seq", value="")
    yield "seq negative", one_form, put("leaf", "seq", value="-1")
    yield "count as a string", one_form, put("tree", "count", value="7")
    yield "count is true", one_form, put("tree", "count", value=True)
    yield "count is a whole float", "integers only", put("tree", "count", value=7.0)
    yield "count is null", one_form, put("tree", "count", value=None)
    yield "root in upper case", one_form, put("tree", "root", value="0x" + "AB" * 32)
    yield "root without 0x", one_form, put("tree", "root", value="ab" * 32)
    yield "root one byte short", one_form, put("tree", "root", value="0x" + "ab" * 31)
    yield "root is 0", one_form, put("tree", "root", value=0)
    yield "part name is 0", one_form, put("leaf", "parts", 0, "name", value=0)
    yield "ledger in mixed case", one_form, put("anchor", "ledger", value=LEDGER)
    yield "chain id as a number", one_form, put("anchor", "chainId", value=31337)
    yield "chain id beyond uint256", one_form, put("anchor", "chainId", value=str(2**256))
    yield "path is an object", one_form, put("tree", "path", value={})
    yield "subjects is null", one_form, put("leaf", "subjects", value=None)
    yield "openings is null", one_form, put("openings", value=None)
    yield "openings is empty", "left out where there is none", put("openings", value=[])
    yield "part name of 33 bytes", "1 to 32 bytes", put("leaf", "parts", 0, "name", value="é" * 16 + "x")
    yield "version altered", "the leaf hash differs", put("leaf", "version", value=2)
    yield "part name altered", "the leaf hash differs", put("leaf", "parts", 0, "name", value="Summary")
    yield (
        "commitment altered",
        "the leaf hash differs",
        put("leaf", "parts", 0, "commitment", value="0x" + "00" * 32),
    )
    yield "subjects reversed", "they ascend", lambda view: view["leaf"]["subjects"].reverse()
    yield "parts reversed", "the leaf hash differs", lambda view: view["leaf"]["parts"].reverse()
    yield "path altered", "another root", put("tree", "path", 0, value="0x" + "00" * 32)
    yield "path too short", "another root", lambda view: view["tree"]["path"].pop()
    yield "path too long", "consumed whole", lambda view: view["tree"]["path"].append("0x" + "00" * 32)
    yield "root altered", "another root", put("tree", "root", value="0x" + "00" * 32)
    yield "index is not seq − first", "index is bound", put("tree", "index", value=2)
    yield "first altered", "index is bound", put("tree", "first", value="37")
    yield (
        "index and first altered",
        "the path is bound to the index",
        lambda view: view["tree"].update(index=2, first="39"),
    )
    yield "count too small for the index", "index below count", put("tree", "count", value=3)
    yield "count too large for the path", "count decides the shape", put("tree", "count", value=9)
    yield "count 0", "1 to 65,536", put("tree", "count", value=0)
    yield "count beyond 65,536", "1 to 65,536", put("tree", "count", value=65_537)
    yield "tree of another log", "the tree is the leaf's log's", put("tree", "log", value="8")
    yield "openings descend", "they ascend", lambda view: view["openings"].reverse()
    yield "an opening twice", "they ascend", lambda view: view["openings"].append(view["openings"][-1])
    yield "opening of a part that is not there", "within the parts", put("openings", 1, "part", value=2)
