"""The table of the outcome of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from cityledger.demo.file_import import FileResult
from cityledger.exchange.imports.outcomes import Outcome

_COLUMNS = ("rows", *(one.value for one in Outcome), "flagged", "read back", "anchored", "proven", "seconds")


def print_table(results: Sequence[FileResult], console: Console) -> None:
    """Prints a line for each file and for all; then the reasons and flags of each file."""
    table = Table("file", *_COLUMNS, box=None, pad_edge=False, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    table.columns[0].overflow = "fold"
    for result in results:
        mark = "" if result.is_as_expected else "✗ "
        table.add_row(mark + result.name, *_cells([result]))
    table.add_row(f"all {len(results)} files", *_cells(results), style="bold")
    console.print(table)
    for result in results:
        _print_notes(result, console)


def totals(results: Iterable[FileResult]) -> dict[str, int]:
    """Rows by outcome over all files, and the number read from them."""
    total: Counter[str] = Counter()
    for result in results:
        total.update(result.outcome.outcomes)
        total["rows"] += result.rows
    return dict(total)


def _cells(results: Sequence[FileResult]) -> list[str]:
    total = totals(results)
    counts = [total["rows"], *(total[one.value] for one in Outcome)]
    counts.append(sum(sum(one.outcome.flags.values()) for one in results))
    counts += [sum(one.equal for one in results), sum(one.anchored for one in results)]
    counts.append(sum(one.proven for one in results))
    return [*(f"{count:,}" for count in counts), f"{sum(one.seconds for one in results):.1f}"]


def _print_notes(result: FileResult, console: Console) -> None:
    notes: tuple[tuple[str, Mapping[str, int]], ...] = (
        ("rejected", result.outcome.reasons),
        ("flagged", result.outcome.flags),
    )
    for what, counts in notes:
        for name, count in counts.items():
            console.print(f"{result.name}: {count:,} {what}: {name}", highlight=False, markup=False)
