"""The list of reads. The caller's standing is checked here, because no decision of the rules precedes it."""

from __future__ import annotations

from cityledger.api.audit.wire import Reads, read_view
from cityledger.api.context import NodeContext
from cityledger.api.http.paging import read_cursor, write_cursor
from cityledger.api.http.shapes import bytes_of
from cityledger.api.lookups.proofs import proof_bytes
from cityledger.api.signin.standing import is_in_standing
from cityledger.errors import DeniedError
from cityledger.exchange.audit import ROLE_NOT_HELD, list_reads, prove_read
from cityledger.policy.rules import explain
from cityledger.store.sessions.tokens import Session


def page_of_reads(node: NodeContext, session: Session, after: str | None, limit: int) -> Reads:
    """One page of the reads in which the caller's agency takes part.

    Raises:
        FieldError: not a cursor of this node.
        DeniedError: the caller's role may not list reads, or the caller no longer has it.
        StaleIndexError: the index is too old to say whether the caller has it.
    """
    _verify_standing(node, session)
    page = list_reads(node.services, session, read_cursor(after), limit)
    following = None if page.after is None else write_cursor(page.after)
    return Reads(reads=[read_view(one) for one in page.items], next=following)


def proof_of_read(node: NodeContext, session: Session, digest: str) -> bytes:
    """The proof file of a receipt.

    Raises: as ``page_of_reads``, and
        NotFoundError: no such receipt that the caller may see whole.
        NotAnchoredError: not mined yet.
    """
    _verify_standing(node, session)
    return proof_bytes(node, prove_read(node.services, session, bytes_of(digest)))


def _verify_standing(node: NodeContext, session: Session) -> None:
    services = node.services
    services.clock.verify_fresh(services.staleness_limit_seconds)
    with services.database.reading() as connection:
        if not is_in_standing(connection, session, services.clock.at()):
            raise DeniedError(ROLE_NOT_HELD, explain(ROLE_NOT_HELD))
