"""Whether the index follows, whether logs are written, and whether agencies are known by their keys."""

from __future__ import annotations

from collections.abc import Callable

from cityledger.anchoring import halts
from cityledger.checks.result import Seen, WrongError
from cityledger.sealing.agency_keys import AgencyKeys
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store import node_state
from cityledger.store.anchoring import logs
from cityledger.store.engine.database import Database
from cityledger.store.index import hosting
from cityledger.store.index import queries as index
from cityledger.types import Address, AgencyId, LogKind


def see_index(database: Database, head: Callable[[], int], limit_blocks: int) -> str:
    """The cursor is near the head, and was not stopped."""
    with database.reading() as connection:
        stopped = node_state.find_value(connection, node_state.INDEX_HALTED)
        cursor = index.find_cursor(connection)
    if stopped is not None:
        raise WrongError("stopped for good", detail=stopped, next_step="cityledger node rebuild")
    if cursor is None:
        return "empty: the node was never served"
    newest = head()
    if newest - cursor.number > limit_blocks:
        raise WrongError(f"block {cursor.number} of {newest}: {newest - cursor.number} behind", vital=False)
    return f"block {cursor.number} of {newest}"


def see_logs(database: Database) -> str:
    """No log is halted that no other has taken the place of."""
    with database.reading() as connection:
        heads = logs.list_heads(connection)
        codes = {one.agency: one.code for one in index.list_agencies(connection)}
    halted = halts.list_unresolved(heads)
    if not halted:
        return f"{len(heads)} written by this node, none halted"
    told = ", ".join(f"{head.log} ({head.halted})" for head in halted)
    detail = "; ".join(f"log {head.log} halted: {head.halted}, {head.halt_detail}" for head in halted)
    steps = (halts.next_step(head, codes.get(head.agency, str(head.agency))) for head in halted)
    # While others are written, the node is of use; a log that was continued is not written any more.
    is_idle = len(halted) == sum(not logs.is_continued(head, heads) for head in heads)
    raise WrongError(
        f"halted: {told}", detail=detail, next_step="; ".join(dict.fromkeys(steps)), vital=is_idle
    )


def see_hosted_keys(database: Database, keyring: Keyring, operator: Address) -> Seen:
    """The keyring has the keys of every agency whose open logs this operator, or a former one, writes."""
    own = {operator, *keyring.own_accounts()}
    with database.reading() as connection:
        lost = hosting.list_without_keys(connection, own, keyring.agencies())
        codes = {one.agency: one.code for one in index.list_agencies(connection)}
    count = f"{len(keyring.agencies())} agencies"
    if not lost:
        return Seen(f"{count}, operator {operator}", count)
    files = ", ".join(f"agencies/{agency}.json" for agency in lost)
    raise WrongError(
        f"no keys of {', '.join(codes.get(agency, str(agency)) for agency in lost)}, whose logs this node"
        " writes: every request for their records is refused",
        next_step=f"restore {files} of the keyring from a backup",
        vital=not keyring.agencies(),
    )


def see_agencies(database: Database, keyring: Keyring) -> Seen:
    """The chain knows every hosted agency by the keys of this keyring, and both of its logs are written."""
    with database.reading() as connection:
        known = {one.agency: one for one in index.list_agencies(connection)}
        kinds = {(head.agency, head.kind) for head in logs.list_heads(connection)}
    wrong = []
    for number in keyring.agencies():
        found = known.get(number)
        code = str(number) if found is None else found.code
        digests = () if found is None else (found.sealing_key_digest, found.credential_key_digest)
        if digests != digests_of(keyring.agency(number)):
            wrong.append(f"{code}: the chain does not know its keys")
        elif missing := _missing(number, kinds):
            wrong.append(f"{code}: no {' and no '.join(missing)} log")
    if wrong:
        told = f"{len(wrong)} of {len(keyring.agencies())} are not linked"
        raise WrongError(told, detail="; ".join(wrong))
    return Seen(f"{len(keyring.agencies())} linked", f"{len(keyring.agencies())} linked")


def digests_of(keys: AgencyKeys) -> tuple[bytes, bytes]:
    """What the registry should hold: of the sealing key, and of the credential key (zero for none)."""
    credential = bytes(32) if keys.credential_key is None else key_thumbprint(keys.credential_key)
    return keys.sealing_key.digest, credential


def _missing(agency: AgencyId, kinds: set[tuple[AgencyId, LogKind]]) -> list[str]:
    return [kind.name.lower() for kind in LogKind if (agency, kind) not in kinds]
