#!/usr/bin/env python3
"""Computes the final state of monthly land files with Python's standard library alone.

This file shares no code with the service, so that the service's state can be checked against it.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

HELP = """\
The files are HM Land Registry's Price Paid change files: no header, 16 columns, the key in the first and the
action of the row in the last. They are applied in the order given, to an empty state, by these rules:

  A (add)     an unknown id is added; a known one with the same 16 cells is left unchanged, with other cells
              the row is refused
  C (change)  the id's cells are replaced; same cells: unchanged; unknown id: refused
  D (delete)  the id is removed, and may be added again by A; unknown id: refused

With --upsert a C of an unknown id adds it, and a D of an unknown id changes nothing. An id is a GUID: braces
and letter case do not matter. Cells are compared as written. A row of another width or with another letter
is refused as malformed; prices and dates are not checked.

The state's SHA-256 is over one line of compact JSON for each id, a list of its 16 cells, sorted by id.
"""
WIDTH = 16
MALFORMED = "malformed"
EXISTS_ALREADY = "added, but exists already with other cells"
CHANGE_OF_UNKNOWN = "change of an unknown id"
DELETION_OF_UNKNOWN = "deletion of an unknown id"
REFUSALS = (MALFORMED, EXISTS_ALREADY, CHANGE_OF_UNKNOWN, DELETION_OF_UNKNOWN)

Cells = Sequence[str]
State = dict[str, list[str]]


def apply_row(state: State, cells: Cells, *, upsert: bool) -> str:
    """Changes the state, and returns the outcome of the row."""
    if len(cells) != WIDTH or cells[-1] not in ("A", "C", "D"):
        return MALFORMED
    key, existing = identifier(cells), state.get(identifier(cells))
    if cells[-1] == "D":
        return _delete(state, key, upsert=upsert)
    if existing == list(cells):
        return "unchanged"
    if cells[-1] == "A" and existing is not None:
        return EXISTS_ALREADY
    if cells[-1] == "C" and existing is None and not upsert:
        return CHANGE_OF_UNKNOWN
    state[key] = list(cells)
    return "added" if existing is None else "changed"


def _delete(state: State, key: str, *, upsert: bool) -> str:
    if state.pop(key, None) is not None:
        return "withdrawn"
    return "unchanged" if upsert else DELETION_OF_UNKNOWN


def identifier(cells: Cells) -> str:
    return cells[0].strip("{}").upper()


def apply_rows(state: State, rows: Iterable[Cells], *, upsert: bool) -> Counter[str]:
    """The number of rows by outcome."""
    return Counter(apply_row(state, cells, upsert=upsert) for cells in rows)


def digest(state: State) -> str:
    lines = (
        json.dumps(state[key], ensure_ascii=False, separators=(",", ":")) + "\n" for key in sorted(state)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [cells for cells in csv.reader(file, strict=True) if cells]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--upsert", action="store_true", help="add an unknown id by its change")
    options = parser.parse_args(arguments)
    state: State = {}
    files = [
        {
            "file": path.name,
            "outcomes": dict(sorted(apply_rows(state, read_rows(path), upsert=options.upsert).items())),
        }
        for path in options.files
    ]
    print(json.dumps({"files": files, "records": len(state), "sha256": digest(state)}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
