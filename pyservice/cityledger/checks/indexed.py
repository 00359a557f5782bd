"""Checks of the index: it follows the chain, logs are written, agencies are registered with their keys."""

from __future__ import annotations

from collections.abc import Callable

from cityledger.anchoring import halts
from cityledger.checks.result import Observation
from cityledger.errors import CheckFailedError
from cityledger.sealing.agency_keys import AgencyKeys
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store import node_state
from cityledger.store.anchoring import logs
from cityledger.store.engine.database import Database
from cityledger.store.index import hosting
from cityledger.store.index import queries as index
from cityledger.types import Address, AgencyId, LogKind


def observe_index(database: Database, head: Callable[[], int], limit_blocks: int) -> str:
    """The cursor is near the head, and was not stopped."""
    with database.reading() as connection:
        stopped = node_state.find_value(connection, node_state.INDEX_HALTED)
        cursor = index.find_cursor(connection)
    if stopped is not None:
        raise CheckFailedError(
            "stopped until it is rebuilt", detail=stopped, next_step="cityledger node rebuild"
        )
    if cursor is None:
        return "empty: the node was never served"
    newest = head()
    if newest - cursor.number > limit_blocks:
        raise CheckFailedError(
            f"block {cursor.number} of {newest}: {newest - cursor.number} behind", vital=False
        )
    return f"block {cursor.number} of {newest}"


def observe_logs(database: Database) -> str:
    """Every halted log is continued by another."""
    with database.reading() as connection:
        heads = logs.list_heads(connection)
        codes = {one.agency: one.code for one in index.list_agencies(connection)}
    halted = halts.list_unresolved(heads)
    if not halted:
        return f"{len(heads)} written by this node, none halted"
    named = ", ".join(f"{head.log} ({head.halted})" for head in halted)
    detail = "; ".join(f"log {head.log} halted: {head.halted}, {head.halt_detail}" for head in halted)
    steps = (halts.next_step(head, codes.get(head.agency, str(head.agency))) for head in halted)
    # While other logs are written, the node is of use; a log that was continued is no longer written.
    is_idle = len(halted) == sum(not logs.is_continued(head, heads) for head in heads)
    raise CheckFailedError(
        f"halted: {named}", detail=detail, next_step="; ".join(dict.fromkeys(steps)), vital=is_idle
    )


def observe_hosted_keys(database: Database, keyring: Keyring, operator: Address) -> Observation:
    """The keyring has the keys of every agency whose open logs this operator, or a former one, writes."""
    own = {operator, *keyring.own_accounts()}
    with database.reading() as connection:
        lost = hosting.list_without_keys(connection, own, keyring.agencies())
        codes = {one.agency: one.code for one in index.list_agencies(connection)}
    count = f"{len(keyring.agencies())} agencies"
    if not lost:
        return Observation(f"{count}, operator {operator}", count)
    files = ", ".join(f"agencies/{agency}.json" for agency in lost)
    raise CheckFailedError(
        f"no keys of {', '.join(codes.get(agency, str(agency)) for agency in lost)}, whose logs this node"
        " writes: every request for their records is refused",
        next_step=f"restore {files} of the keyring from a backup",
        vital=not keyring.agencies(),
    )


def observe_agencies(database: Database, keyring: Keyring) -> Observation:
    """Every hosted agency is registered on the chain with the keys of this keyring, and both of its logs are
    written."""
    with database.reading() as connection:
        known = {one.agency: one for one in index.list_agencies(connection)}
        kinds = {(head.agency, head.kind) for head in logs.list_heads(connection)}
    wrong = []
    for number in keyring.agencies():
        found = known.get(number)
        code = str(number) if found is None else found.code
        digests = () if found is None else (found.sealing_key_digest, found.credential_key_digest)
        if digests != digests_of(keyring.agency(number)):
            wrong.append(f"{code}: its keys are not those on the chain")
        elif missing := _missing(number, kinds):
            wrong.append(f"{code}: no {' and no '.join(missing)} log")
    if wrong:
        count = f"{len(wrong)} of {len(keyring.agencies())} are not linked"
        raise CheckFailedError(count, detail="; ".join(wrong))
    count = f"{len(keyring.agencies())} linked"
    return Observation(count, count)


def digests_of(keys: AgencyKeys) -> tuple[bytes, bytes]:
    """The digests to register: of the sealing key, and of the credential key (zero for none)."""
    credential = bytes(32) if keys.credential_key is None else key_thumbprint(keys.credential_key)
    return keys.sealing_key.digest, credential


def _missing(agency: AgencyId, kinds: set[tuple[AgencyId, LogKind]]) -> list[str]:
    return [kind.name.lower() for kind in LogKind if (agency, kind) not in kinds]
