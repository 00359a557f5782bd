"""What the command line prints: results to stdout as a table or as JSON, everything else to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import typer

from cityledger.cli.refusals import meaning_of
from cityledger.errors import (
    AuthenticationError,
    CityledgerError,
    DeniedError,
    InputError,
    RevertedError,
    SealingError,
    VerificationError,
)

EXIT_OK, EXIT_ERROR, EXIT_USAGE, EXIT_DENIED, EXIT_VERIFICATION = 0, 1, 2, 3, 4
_LONG_HEX = re.compile(r"0x[0-9a-fA-F]{16,}")
_PIPE_WIDTH = 240
"""Columns where stdout is not a terminal: wide enough that no address is cut in two."""

_EXIT_CODES: tuple[tuple[type[CityledgerError], int], ...] = (
    (DeniedError, EXIT_DENIED),
    (AuthenticationError, EXIT_DENIED),
    (VerificationError, EXIT_VERIFICATION),
    (SealingError, EXIT_VERIFICATION),
    (InputError, EXIT_USAGE),
)
_DENYING_REVERTS = ("Unauthorized", "UnauthorizedAccount", "NotAccount", "NotSteward")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def exit_code_of(error: CityledgerError) -> int:
    """The exit code of an error: what the caller may not do is 3, what does not hold is 4."""
    if isinstance(error, RevertedError) and error.name.endswith(_DENYING_REVERTS):
        return EXIT_DENIED
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), EXIT_ERROR)


def print_error(error: CityledgerError, *, as_json: bool) -> None:
    """A line on stderr, and one with the next step where there is one; or one JSON object."""
    meaning = meaning_of(error) if isinstance(error, RevertedError) else None
    if as_json:
        facts = {key: plain(value) for key, value in vars(error).items() if not key.startswith("_")}
        more = {"meaning": meaning.message, "next": meaning.next_step} if meaning else {}
        printed = {"error": type(error).__name__, "message": str(error), **facts, **more}
        print(json.dumps(printed), file=sys.stderr)
        return
    print(f"Error: {error}" if meaning is None else f"Error: {meaning.message}\n{error}", file=sys.stderr)
    if meaning and meaning.next_step:
        note(f"next: {meaning.next_step}")


def print_fields(fields: Mapping[str, object], *, as_json: bool) -> None:
    """One thing: a JSON object, or a line for each field. Names are snake_case; the table shows spaces."""
    if as_json:
        print(json.dumps(plain(fields), indent=2, ensure_ascii=False))
        return
    table = _table(["", ""], header=False)
    for name, value in fields.items():
        table.add_row(name.replace("_", " "), _cell(value))
    _console().print(table)


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, as_json: bool) -> None:
    """Many things: a JSON array, or a table of the named columns. Where the terminal is too narrow for it,
    digests and addresses are cut in their middle; --json has them whole."""
    if as_json:
        print(json.dumps(plain(list(rows)), indent=2, ensure_ascii=False))
        return
    console = _console()
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    if _width([list(columns), *cells]) > console.width:
        cells = [[_shortened(one) for one in row] for row in cells]
    table = _table(columns, header=True)
    for row in cells:
        table.add_row(*row)
    console.print(table if rows else "none")


def note(text: str) -> None:
    """A remark for a person, on stderr, so that stdout stays what was asked for."""
    print(text, file=sys.stderr)


def plain(value: object) -> Any:
    """The JSON form: bytes as 0x-hex, enums by name, integers beyond 2^53 as decimal strings (SPEC.md §1)."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value


def _cell(value: object) -> str:
    shown = plain(value)
    if isinstance(shown, list):
        return ", ".join(harmless(str(one)) for one in shown)
    if isinstance(shown, bool):
        return "yes" if shown else "no"
    return "" if shown is None else harmless(str(shown))


def _width(table: Sequence[Sequence[str]]) -> int:
    """Columns that a table needs, with a space between them."""
    columns = zip(*table, strict=True)
    return sum(max(map(len, column)) + 1 for column in columns)


def _shortened(cell: str) -> str:
    return _LONG_HEX.sub(lambda found: f"{found[0][:8]}…{found[0][-4:]}", cell)


def harmless(text: str) -> str:
    """Titles and names are others' words: what would steer the terminal is shown as an escape instead."""
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)


def _table(columns: Sequence[str], *, header: bool) -> Any:
    from rich.table import Table

    table = Table(*columns, box=None, show_header=header, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"
    return table


def _console() -> Any:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(width=_PIPE_WIDTH, highlight=False, markup=False)
