from __future__ import annotations

from types import SimpleNamespace

import pytest

from cityledger.chain.contracts.decoding import decode_logs
from cityledger.chain.contracts.record_ledger import Skipped, SkipReason, operates_any
from cityledger.types import Address, AgencyId, LogId
from support.chain.raw_logs import EVENTS, raw_log

OURS, THEIRS = Address("0x" + "11" * 20), Address("0x" + "22" * 20)


LOGS = {1: (1, OURS, True), 2: (2, OURS, False), 3: (1, THEIRS, False), 5: (5, OURS, False)}
"""Agency, operator, and whether it is closed."""


class _Ledger:
    def log_count(self, _block: str) -> int:
        return 5

    def find_log(self, log: LogId, _block: str) -> SimpleNamespace | None:
        found = LOGS.get(log)
        return None if found is None else SimpleNamespace(agency=found[0], operator=found[1], closed=found[2])


@pytest.mark.parametrize(
    ("agencies", "account", "answer"),
    [
        ([1], OURS, False),
        ([2], OURS, True),
        ([1, 5], OURS, True),
        ([1], THEIRS, True),
        ([2], THEIRS, False),
        ([], OURS, False),
    ],
)
def test_operates_any_needs_an_open_log_of_an_agency(
    agencies: list[int], account: Address, answer: bool
) -> None:
    ledger = _Ledger()
    assert operates_any(ledger, account, [AgencyId(one) for one in agencies]) is answer  # type: ignore[arg-type]


def test_skipped_is_read_with_its_reason() -> None:
    log = raw_log(EVENTS["RecordLedger.Skipped"], {"log": 1, "first": 4, "next": 6, "reason": 4})
    assert decode_logs([log])[0].event == Skipped(LogId(1), 4, 6, SkipReason.WRONG_FIRST)
