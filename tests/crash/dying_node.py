"""Runs the real command line in this process, and ends it by SIGKILL at a named point.

    python dying_node.py WHEN:WHAT[:PASS] -- node serve --folder node

``PASS`` is the pass of the point at which the process dies, 1 unless given. The points:

    statement:TABLE       a row of the table is inserted, and its transaction not committed yet
    before-commit:TABLE   the transaction that inserts into the table is about to be committed
    after-commit:TABLE    it is committed and durable, and no client has an answer
    before-call:METHOD    the JSON-RPC method is about to be called on the chain
    after-call:METHOD     the endpoint has answered, and the answer is lost
    after:MODULE.NAME     the function, as its module calls it, has returned, and its result is lost

The points lie at the borders of the process (database, chain), so they stay where they are when the code
between them changes.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.default import DefaultDialect

_INSERT = re.compile(r'\s*INSERT\s+(?:OR\s+\w+\s+)?INTO\s+"?(\w+)"?', re.IGNORECASE)


class Death:
    """Counts the passes of one point, and ends the process at the last."""

    def __init__(self, passes: int) -> None:
        self._left = passes
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Makes the process die at the point.

    Raises:
        ValueError: the point is unknown.
    """
    when, what, *passes = point.split(":")
    die = Death(int(passes[0]) if passes else 1)
    match when:
        case "statement":
            _on_insert(what, lambda _raw: die())
        case "before-commit" | "after-commit":
            _on_commit(what, die, is_after=when == "after-commit")
        case "before-call" | "after-call":
            _on_call(what, die, is_after=when == "after-call")
        case "after":
            _on_return(what, die)
        case _:
            raise ValueError(f"no such point: {point}")


def _on_insert(table: str, callback: Callable[[Any], None]) -> None:
    @event.listens_for(sa.Engine, "after_cursor_execute")
    def executed(connection: sa.Connection, _cursor: Any, statement: str, *_: Any) -> None:
        found = _INSERT.match(statement)
        if found and found[1] == table:
            callback(connection.connection.dbapi_connection)


def _on_commit(table: str, die: Death, *, is_after: bool) -> None:
    inserting: set[int] = set()
    _on_insert(table, lambda raw: inserting.add(id(raw)))
    commit, rollback = DefaultDialect.do_commit, DefaultDialect.do_rollback

    def raw_of(connection: Any) -> int:
        return id(getattr(connection, "dbapi_connection", connection))

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        is_ours = raw_of(connection) in inserting
        inserting.discard(raw_of(connection))
        if is_ours and not is_after:
            die()
        commit(self, connection)  # type: ignore[no-untyped-call]
        if is_ours and is_after:
            die()

    def do_rollback(self: DefaultDialect, connection: Any) -> None:
        inserting.discard(raw_of(connection))
        rollback(self, connection)  # type: ignore[no-untyped-call]

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]
    DefaultDialect.do_rollback = do_rollback  # type: ignore[method-assign]


def _on_call(method: str, die: Death, *, is_after: bool) -> None:
    from web3 import HTTPProvider

    ask = HTTPProvider.make_request

    def make_request(self: HTTPProvider, requested: Any, params: Any) -> Any:
        if requested == method and not is_after:
            die()
        answered = ask(self, requested, params)
        if requested == method and is_after:
            die()
        return answered

    HTTPProvider.make_request = make_request  # type: ignore[method-assign]


def _on_return(name: str, die: Death) -> None:
    module_name, _, attribute = name.rpartition(".")
    module = importlib.import_module(module_name)
    wrapped = getattr(module, attribute)

    @functools.wraps(wrapped)
    def call(*arguments: Any, **named: Any) -> Any:
        result = wrapped(*arguments, **named)
        die()
        return result

    setattr(module, attribute, call)


def run(arguments: Sequence[str]) -> None:
    """The command line after ``--``, to die at the point before it; without a point it just runs."""
    at = arguments.index("--")
    for point in arguments[:at]:
        arm(point)
    sys.argv = ["cityledger", *arguments[at + 1 :]]
    from cityledger.cli.main import main

    main()


if __name__ == "__main__":
    run(sys.argv[1:])
