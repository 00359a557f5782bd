"""One health check, and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cityledger.errors import CheckFailedError, CityledgerError


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``next_step`` is "" where it is ok. ``detail`` is for the operator; ``disclosed`` may be shown to any
    client: no address, path, URL or key. A failed check that is not ``vital`` needs the operator, but the
    node answers.
    """

    name: str
    ok: bool
    detail: str
    disclosed: str
    next_step: str = ""
    vital: bool = True


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """``observe`` returns what it found, or raises; ``next_step`` is what an operator does then."""

    name: str
    observe: Callable[[], str | Observation]
    next_step: str
    vital: bool = True


@dataclass(frozen=True, slots=True)
class Observation:
    """The outcome of a check that shows more to the operator than to other clients."""

    detail: str
    disclosed: str


def run_check(check: HealthCheck) -> CheckResult:
    """The result; never raises. A failure that is not ours discloses its kind only: its text may quote
    anything.
    """
    try:
        outcome = check.observe()
    except CheckFailedError as failure:
        step = check.next_step if failure.next_step is None else failure.next_step
        vital = check.vital if failure.vital is None else failure.vital
        return CheckResult(check.name, False, failure.detail, failure.disclosed, step, vital)
    except CityledgerError as error:
        kind = type(error).__name__
        return CheckResult(check.name, False, str(error), kind, check.next_step, check.vital)
    except Exception as error:
        kind = type(error).__name__
        return CheckResult(check.name, False, kind, kind, check.next_step, check.vital)
    found = outcome if isinstance(outcome, Observation) else Observation(outcome, outcome)
    return CheckResult(check.name, True, found.detail, found.disclosed, vital=check.vital)
