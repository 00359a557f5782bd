"""Findings of a scrub: places and next steps, never identities."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cityledger.errors import CityledgerError, SealingError, UnavailableError, VerificationError

RESTORE = "stop the node, keep its files, and restore the last good backup: `cityledger node restore`"
REBUILD = "`cityledger node rebuild` reads the index from the chain again"
KEYS = "restore the agency's file of the keyring from a backup"
INVESTIGATE = "find out what changed the database; `cityledger node restore` restores the last good backup"


@dataclass(frozen=True, slots=True)
class Finding:
    """``log`` and ``seq`` name the leaf, or the first one of a batch; −1 if there is none."""

    log: int
    seq: int
    what: str
    next_step: str


def require(holds: bool, what: str) -> None:
    """Raises:
    VerificationError: it does not hold.
    """
    if not holds:
        raise VerificationError(what)


@contextmanager
def reported(findings: list[Finding], log: int, seq: int, step: str = RESTORE) -> Iterator[None]:
    """Reports a failure of the block as a finding: damaged bytes fail in many ways."""
    try:
        yield
    except (VerificationError, SealingError) as error:
        findings.append(Finding(log, seq, str(error), step))
    except UnavailableError:
        raise  # a database or bucket that does not answer proves no damage
    except (CityledgerError, ValueError, KeyError, TypeError) as error:
        findings.append(Finding(log, seq, f"it cannot be read ({type(error).__name__})", step))
