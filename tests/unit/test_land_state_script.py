"""scripts/land_state.py, which shares no code with the package, ends in the state of a format's rows."""

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.exchange.imports.outcomes import (
    ALREADY_EXISTS,
    NOTHING_TO_CHANGE,
    NOTHING_TO_DELETE,
    Outcome,
    State,
    judge,
    next_state,
)
from cityledger.exchange.parts.seal_version import Content
from cityledger.formats.land_hmlr import COLUMNS
from cityledger.formats.rows import Act, RejectedRow, Row
from cityledger.profiles.property import PROPERTY
from support.imports.land_files import HMLR_MONTHS, accepted, as_csv, columns, read
from support.imports.public_data import public_data
from support.script_modules import load_script
from support.vector_files import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "land_state.py"
KEY = "{712A5468-653F-43F9-B663-A8084DB37AD0}"


script = load_script("land_state")


NEVER = State(0, None, (), {})
REFUSALS = {
    ALREADY_EXISTS: script.EXISTS_ALREADY,
    NOTHING_TO_CHANGE: script.CHANGE_OF_UNKNOWN,
    NOTHING_TO_DELETE: script.DELETION_OF_UNKNOWN,
}
"""What the import says, in the script's words."""


@dataclass
class Engine:
    """An import without a node: the service's own judgement of each row, over versions held in memory."""

    upsert: bool = False
    states: dict[str, State] = field(default_factory=dict)
    versions: dict[str, list[dict[str, bytes]]] = field(default_factory=dict)

    def apply(self, row: Row) -> str:
        current = self.states.get(row.provider_id, NEVER)
        content = Content((), row.parts, withdraws=row.act is Act.DELETE)
        outcome, reason = judge(PROPERTY, current, row.act, content, upsert=self.upsert)
        if outcome in (Outcome.ACCEPTED, Outcome.WITHDRAWN):
            self.states[row.provider_id] = next_state(PROPERTY, current, content)
            self.versions.setdefault(row.provider_id, []).append(dict(row.parts))
        if outcome is Outcome.ACCEPTED:
            return "changed" if current.exists else "added"
        return REFUSALS[reason] if outcome is Outcome.REJECTED else outcome.value

    def state(self) -> dict[str, list[str]]:
        """As the script has it, from the cells that each newest version keeps of its row."""
        living = {key: versions[-1] for key, versions in self.versions.items() if versions[-1]}
        return {key: list(columns(Row(1, key, parts)).values()) for key, parts in living.items()}

    def apply_all(self, rows: Iterable[Row]) -> Counter[str]:
        return Counter(self.apply(row) for row in rows)


def both(files: list[bytes], *, upsert: bool) -> tuple[Engine, dict[str, list[str]]]:
    """The engine and the script over the same files; each file's outcomes and the end states are equal."""
    engine = Engine(upsert)
    state: dict[str, Any] = {}
    for data in files:
        rows = list(script.csv.reader(data.decode().splitlines(keepends=True)))
        outcomes = script.apply_rows(state, rows, upsert=upsert)
        assert engine.apply_all(accepted(read("hmlr-price-paid", data))) == outcomes
    assert engine.state() == state
    return engine, state


def sale(status: str, *, key: str = KEY, price: str = "67000") -> list[str]:
    cells = dict.fromkeys(COLUMNS, "") | {
        "id": key,
        "price": price,
        "date": "2002-11-19 00:00",
        "street": "X",
    }
    coded = {"type": "F", "new": "N", "tenure": "F", "category": "A", "status": status}
    return list((cells | coded).values())


@pytest.mark.parametrize("upsert", [False, True])
def test_months_in_order_end_in_the_same_state(upsert: bool) -> None:
    files = [public_data(month).read_bytes() for month in HMLR_MONTHS]
    _, state = both(files, upsert=upsert)

    summary = run(*(["--upsert"] if upsert else []), *map(public_data, HMLR_MONTHS))
    assert summary["records"] == len(state)
    assert summary["sha256"] == script.digest(state)
    assert sum(sum(one["outcomes"].values()) for one in summary["files"]) == 1915


# Most changes and deletions are of ids from before the first month: refused, or with upsert additions.
ENDS = {
    False: (1719, "1fae5774cf4c8f9ba7bb1784946bdef3e1d1ddd49e6dddade7cf5340b9b3c1f8"),
    True: (1856, "55007d02d551494e1d93a583af7d916c1410e0fb5fa1210480c614c5d0e3291d"),
}


@pytest.mark.parametrize("upsert", [False, True])
def test_end_state_of_the_public_months_stays(upsert: bool) -> None:
    summary = run(*(["--upsert"] if upsert else []), *map(public_data, HMLR_MONTHS))
    assert (summary["records"], summary["sha256"]) == ENDS[upsert]


@pytest.mark.parametrize("upsert", [False, True])
def test_month_replayed_at_once_adds_nothing(upsert: bool) -> None:
    files = [public_data(month).read_bytes() for month in HMLR_MONTHS]
    _, once = both(files, upsert=upsert)
    engine, again = both([*files[:3], files[2], *files[3:]], upsert=upsert)
    assert again == once
    versions = sum(map(len, engine.versions.values()))
    assert versions == sum(map(len, both(files, upsert=upsert)[0].versions.values()))


def test_id_that_was_deleted_returns_with_its_history() -> None:
    engine, state = both([as_csv([sale("A"), sale("D"), sale("A", price="70000")])], upsert=False)
    (versions,) = engine.versions.values()
    assert [bool(parts) for parts in versions] == [True, False, True]
    assert [cells[1] for cells in state.values()] == ["70000"]


@pytest.mark.parametrize(
    ("upsert", "outcomes"),
    [
        (False, {"change of an unknown id": 1, "deletion of an unknown id": 1}),
        (True, {"added": 1, "withdrawn": 1}),
    ],
)
def test_unknown_ids_are_refused_unless_asked_for(upsert: bool, outcomes: dict[str, int]) -> None:
    rows = accepted(read("hmlr-price-paid", as_csv([sale("C"), sale("D")])))
    assert Engine(upsert).apply_all(rows) == outcomes
    assert script.apply_rows({}, [sale("C"), sale("D")], upsert=upsert) == outcomes


def test_addition_of_an_id_that_is_there_is_refused_with_other_cells_and_unchanged_with_the_same() -> None:
    files = [as_csv([sale("A"), sale("A"), sale("A", price="1"), sale("A", key=KEY.lower(), price="1")])]
    engine, _ = both(files, upsert=True)
    assert [len(versions) for versions in engine.versions.values()] == [1]


KEYS = [f"{{00000000-0000-0000-0000-00000000000{digit}}}" for digit in range(3)]


@given(
    st.lists(st.tuples(st.sampled_from("ACD"), st.sampled_from(KEYS), st.sampled_from("12")), max_size=30),
    st.booleans(),
)
def test_any_acts_end_in_the_same_state(acts: list[tuple[str, str, str]], upsert: bool) -> None:
    both([as_csv([sale(status, key=key, price=price) for status, key, price in acts])], upsert=upsert)


def test_script_refuses_what_the_format_refuses_by_its_form() -> None:
    rows = [sale("A")[:15], sale("R")]
    assert script.apply_rows({}, rows, upsert=True) == {"malformed": 2}
    assert all(isinstance(item, RejectedRow) for item in read("hmlr-price-paid", as_csv(rows)))


def test_script_imports_the_standard_library_alone() -> None:
    tree = ast.parse(SCRIPT.read_text())
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert names <= set(sys.stdlib_module_names)


def run(*arguments: object) -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, "-I", SCRIPT, *map(str, arguments)], capture_output=True, check=True, timeout=60
    )
    state: dict[str, Any] = json.loads(result.stdout)
    return state
