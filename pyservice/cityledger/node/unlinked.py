"""Hosted agencies that are not linked on the chain: nothing can be read or written for them."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from cityledger.checks.indexed import digests_of
from cityledger.sealing.keyring import Keyring
from cityledger.store.index.queries import find_agency, list_logs
from cityledger.types import Address, AgencyId, LogKind


def unlinked(connection: sa.Connection, keyring: Keyring, operator: Address) -> Iterator[str]:
    """A sentence for each such agency, with the next step; from the node's index, not from the chain."""
    opened = {(log.agency, log.kind) for log in list_logs(connection, operator) if not log.closed}
    for agency in keyring.agencies():
        registered = find_agency(connection, agency)
        if registered is None:
            yield f"agency {agency} is not admitted in this city, and is hosted here"
            continue
        lacks = list(_lacking_logs(opened, agency))
        digests = registered.sealing_key_digest, registered.credential_key_digest
        if digests != digests_of(keyring.agency(agency)):
            lacks.insert(0, "its keys on chain")
        if lacks:
            step = f"next, with its account: cityledger node link {registered.code}"
            yield f"{registered.code} is hosted here, but lacks {' and '.join(lacks)}; {step}"


def _lacking_logs(opened: set[tuple[AgencyId, LogKind]], agency: AgencyId) -> Iterator[str]:
    for kind in LogKind:
        if (agency, kind) not in opened:
            yield f"an open log for {kind.name.lower()}"
