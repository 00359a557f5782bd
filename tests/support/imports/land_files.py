"""Land files for tests: their raw cells read without the package, and what a format makes of them."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cityledger.formats import registry
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from cityledger.profiles.property import PROPERTY
from cityledger.strict_json import parse

NO_OPTIONS = ImportOptions()
HMLR_MONTHS = tuple(f"realestate/hmlr-price-paid/2025-{month:02}.csv" for month in range(4, 11))


def raw_rows(path: Path, header_rows: int) -> tuple[list[str], list[list[str]]]:
    """The first row where there is a header, and the rows below all headers."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    return (rows[0] if header_rows else []), rows[header_rows:]


def read(name: str, data: bytes | Path, options: ImportOptions = NO_OPTIONS) -> list[Row | RejectedRow]:
    content = data if isinstance(data, bytes) else data.read_bytes()
    return list(registry.get(name).read(io.BytesIO(content), options))


def accepted(items: Iterable[Row | RejectedRow]) -> list[Row]:
    """All as rows; each that writes something fits the profile."""
    rows = []
    for item in items:
        assert isinstance(item, Row), item
        if item.parts:
            PROPERTY.validate(item.parts)
        rows.append(item)
    return rows


def transaction(row: Row) -> dict[str, Any]:
    value = parse(row.parts["transaction"], max_bytes=1 << 20)
    assert isinstance(value, dict)
    return value


def columns(row: Row) -> dict[str, str]:
    cells: dict[str, str] = transaction(row)["source"]["columns"]
    return cells


def as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
