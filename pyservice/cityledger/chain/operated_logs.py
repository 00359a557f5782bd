"""Asks the chain which account operates the logs of agencies."""

from __future__ import annotations

from collections.abc import Collection

from cityledger.chain.contracts.record_ledger import RecordLedger
from cityledger.types import Address, AgencyId, LogId


def operates_any(ledger: RecordLedger, account: Address, agencies: Collection[AgencyId]) -> bool:
    """Whether the account operates an open log of one of the agencies now.

    Raises:
        UnavailableError: no endpoint answers.
    """
    for number in range(ledger.log_count("latest"), 0, -1):
        found = ledger.find_log(LogId(number), "latest")
        if found is not None and found.agency in agencies and found.operator == account and not found.closed:
            return True
    return False
