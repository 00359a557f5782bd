"""The causes that halt a log, and its operator's next steps (SPEC.md §4.2). Facts in, values out; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cityledger.store.anchoring import logs
from cityledger.store.anchoring.logs import LogHead
from cityledger.types import HaltCause, LogId

FAILURES = 3
"""After this many transactions with one batch that were mined with status 0, no more gas is spent on it."""


@dataclass(frozen=True, slots=True)
class Halt:
    """The reason to stop a log, and the facts that show it."""

    cause: HaltCause
    detail: str


_NEXT_STEPS = {
    HaltCause.CHAIN_AHEAD: (
        "stop every other node that holds this operator's key; then `cityledger node link {agency}`"
        " opens a log that continues this one"
    ),
    HaltCause.OTHER_ROOT: (
        "keep this database for the inquiry: two histories were signed with one key; then"
        " `cityledger node link {agency}` opens a log that continues this one"
    ),
    HaltCause.REFUSED_OPERATOR: (
        "`cityledger node link {agency}` gives the log back to this node's operator; then"
        " `cityledger node resume-log {log}`"
    ),
    HaltCause.REFUSED_CLOSED: (
        "a closed log stays closed: `cityledger node link {agency}` opens one that continues it; write again"
        " what was not anchored"
    ),
    HaltCause.REFUSED_OTHER: (
        "compare manifest and contract with `cityledger node check`, index and chain with"
        " `cityledger node rebuild --check`; then `cityledger node resume-log {log}`"
    ),
    HaltCause.ACCOUNT_USED_ELSEWHERE: (
        "find what else signs with the operator's key and stop it; then"
        " `cityledger node resume-log {log} --new-baseline`"
    ),
    HaltCause.FAILING_TRANSACTION: (
        "find out why the account's last transactions on chain failed; then"
        " `cityledger node resume-log {log}`"
    ),
}


def next_step(head: LogHead, agency: str) -> str:
    """The next step of a log's operator, "" where it is not halted. ``agency``: its code or number."""
    return "" if head.halted is None else next_step_of(head.halted, head.log, agency)


def next_step_of(cause: HaltCause, log: LogId, agency: str) -> str:
    """The operator's next step for a log that is halted for this cause."""
    return _NEXT_STEPS[cause].format(log=log, agency=agency)


def list_unresolved(heads: Sequence[LogHead]) -> list[LogHead]:
    """The halted logs that an operator still has to resolve: no other log continues them."""
    return [head for head in heads if head.halted is not None and not logs.is_continued(head, heads)]
