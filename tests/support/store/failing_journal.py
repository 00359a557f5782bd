"""A journal one of whose writes fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa


@dataclass
class FailingJournal:
    """Fails the ``nth`` write from now on: before it runs, inside its transaction, or after its commit."""

    inner: Any
    where: str
    nth: int
    error: Exception
    count: int = field(default=0)

    def run(self, work: Callable[[sa.Connection], Any]) -> Any:
        self.count += 1
        if self.count != self.nth:
            return self.inner.run(work)
        if self.where == "after":
            self.inner.run(work)
        if self.where != "inside":
            raise self.error

        def failing(connection: sa.Connection) -> None:
            work(connection)
            raise self.error

        return self.inner.run(failing)
