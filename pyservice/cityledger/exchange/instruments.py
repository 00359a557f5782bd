"""The counters of a running node. Labels are few and fixed: no id, agency, officer or purpose."""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Histogram

from cityledger.types import Action

_COMMIT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_GROUP_PIECES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class DisclosedOutcome(StrEnum):
    """The answer to a request as its caller sees it (SPEC.md §2.1)."""

    PERMITTED = "permitted"
    DENIED = "denied"
    NOT_FOUND = "not-found"


class Instruments:
    """The counters of one node, in a registry of their own: several nodes may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.receipt_commit = Histogram(
            "cityledger_receipt_commit_seconds",
            "From a signed receipt until it is durable; every read waits for it. Alert when the 95th"
            " percentile is over 0.5 s.",
            buckets=_COMMIT_SECONDS,
            registry=self.registry,
        )
        self._commit = Histogram(
            "cityledger_journal_commit_seconds",
            "One group of writes with its disk sync. Alert when the 95th percentile is over 1 s: the disk is"
            " slow, or another process holds the database.",
            buckets=_COMMIT_SECONDS,
            registry=self.registry,
        )
        self._pieces = Histogram(
            "cityledger_journal_group_pieces",
            "Writes that shared one commit; 256 is the most. No alert: near 256 the disk is the limit.",
            buckets=_GROUP_PIECES,
            registry=self.registry,
        )
        self._decisions = Counter(
            "cityledger_decisions",
            "Requests that left a receipt, by action and disclosed outcome: permitted, denied with a reason,"
            " or not found, whether hidden or absent. Alert when denied or not found rise over their usual"
            " share: a caller is probing.",
            ["action", "outcome"],
            registry=self.registry,
        )

        self._refusals = Counter(
            "cityledger_refusals",
            "Requests and connections refused or ended by a limit, by limit. Alert when it rises and the"
            " clients are known: a limit is too low for them.",
            ["limit"],
            registry=self.registry,
        )

    def refused(self, limit: str) -> None:
        """A limit was reached. ``limit`` is one of a few fixed words, never something that a client sent."""
        self._refusals.labels(limit).inc()

    def group_committed(self, pieces: int, seconds: float) -> None:
        """For the journal."""
        self._pieces.observe(pieces)
        self._commit.observe(seconds)

    def decided(self, action: Action, outcome: DisclosedOutcome) -> None:
        """A receipt of the decision is durable."""
        self._decisions.labels(action.name.lower(), outcome.value).inc()
