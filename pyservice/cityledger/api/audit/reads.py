"""The list of reads. The caller's standing is checked here, because no decision of the rules precedes it."""

from __future__ import annotations

from cityledger.api.audit.wire import Reads, read_view
from cityledger.api.context import NodeContext
from cityledger.api.http.paging import read_cursor, write_cursor
from cityledger.api.http.shapes import bytes_of
from cityledger.api.lookups.proofs import proof_bytes
from cityledger.api.signin.standing import verify_standing
from cityledger.exchange.audit import list_reads, prove_read
from cityledger.store.sessions.tokens import Session


def page_of_reads(node: NodeContext, session: Session, after: str | None, limit: int) -> Reads:
    """One page of the reads in which the caller's agency takes part.

    Raises:
        FieldError: not a cursor of this node.
        DeniedError: the caller's role may not list reads, or the caller no longer has it.
        StaleIndexError: the index is too old to say whether the caller has it.
    """
    verify_standing(node.services, session)
    page = list_reads(node.services, session, read_cursor(after), limit)
    following = None if page.after is None else write_cursor(page.after)
    return Reads(reads=[read_view(one) for one in page.items], next=following)


def proof_of_read(node: NodeContext, session: Session, digest: str) -> bytes:
    """The proof file of a receipt.

    Raises: as ``page_of_reads``, and
        NotFoundError: no such receipt that the caller may see whole.
        NotAnchoredError: not mined yet.
    """
    verify_standing(node.services, session)
    return proof_bytes(node, prove_read(node.services, session, bytes_of(digest)))
