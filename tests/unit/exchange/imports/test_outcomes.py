from __future__ import annotations

from cityledger.exchange.imports.outcomes import Outcome, Tallies


def test_reasons_without_end_are_counted_together() -> None:
    tallies = Tallies()
    for number in range(1_000):
        tallies.count(Outcome.REJECTED, reason=f"at line {number}")
    assert len(tallies.reasons) == 201
    assert tallies.reasons["other reasons"] == 800
    assert Tallies.from_json(tallies.to_json()) == tallies
