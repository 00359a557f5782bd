"""Shows how far an import is: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cityledger.cli.progress import Lines, bars

if TYPE_CHECKING:
    from cityledger.client.forms.imports import Import


@contextmanager
def sending(size: int | None) -> Iterator[Callable[[int], None]]:
    """While a file goes out; call what it gives with the bytes so far. ``size`` None is unknown."""
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _bar("sending", size, DownloadColumn(), TransferSpeedColumn()) as show:
        yield lambda sent: show(sent, "sending", "")


@contextmanager
def receiving(size: int | None) -> Iterator[Callable[[int], None]]:
    """As ``sending``, while a file comes in."""
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _bar("receiving", size, DownloadColumn(), TransferSpeedColumn()) as show:
        yield lambda received: show(received, "receiving", "")


@contextmanager
def following(begun: Import) -> Iterator[Callable[[Import], None]]:
    """While a node imports; call what it gives with each answer."""
    from rich.progress import TaskProgressColumn, TextColumn

    rate = _Rate(begun.rows_done)
    lines = Lines()

    def progress(show: Callable[[int, str, str], None], found: Import) -> None:
        text = f"{found.rows_done:,} rows, {rate.at(found.rows_done):,.0f}/s"
        show(found.bytes_done, found.state, text)
        lines.consider(f"{found.state}: {text}")

    columns = TaskProgressColumn(), TextColumn("{task.fields[text]}")
    with _bar(begun.state, begun.bytes_total, *columns) as show:
        yield lambda found: progress(show, found)


@contextmanager
def _bar(title: str, total: int | None, *columns: Any) -> Iterator[Callable[[int, str, str], None]]:
    with bars(*columns) as bar:
        task = bar.add_task(title, total=total, text="")
        yield lambda done, state, text: bar.update(task, completed=done, description=state, text=text)


class _Rate:
    """Rows a second since it was made."""

    def __init__(self, rows: int) -> None:
        self._rows, self._began = rows, time.monotonic()

    def at(self, rows: int) -> float:
        return (rows - self._rows) / max(time.monotonic() - self._began, 0.001)
