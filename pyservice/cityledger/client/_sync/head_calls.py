# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""Calls that read and move the head of a record."""

from __future__ import annotations

from cityledger.client._sync.calls import Calls
from cityledger.client.access_context import OWN_DUTY, AccessContext
from cityledger.client.forms.heads import Head, HeadHistory
from cityledger.client.http.address import record_path
from cityledger.client.http.messages import Request
from cityledger.types import DatasetId, RecordId


class HeadCalls(Calls):
    def move_head(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        *,
        context: AccessContext = OWN_DUTY,
        expected_version: int | None = None,
    ) -> Head:
        """Returns the record's head after its move on chain to the newest version that this node wrote is
        mined. Of two versions that follow the same one, only one can become the head. A head that is there
        already is only returned.

        ``expected_version`` is the version known to be the current head, 0 for none: name it to follow a
        version to which another node of the agency moved the head. None follows only what this node wrote.

        Raises:
            HeadMovedError: another version is the current head; write one that follows it.
            NotAnchoredError: the version is durable, but not mined yet; ask again.
            NotFoundError: nothing was written, or it was erased.
            DeniedError: the rules deny.
        """
        body = {} if expected_version is None else {"expectedVersion": expected_version}
        return self._ask(Head, Request("POST", record_path(dataset, record) + "/head", json=body), context)

    def head(self, dataset: DatasetId, record: str | RecordId, context: AccessContext) -> Head | None:
        """The current head of the record, whichever node of the provider moved it; None where it has none."""
        request = Request("GET", record_path(dataset, record) + "/history")
        return (self._ask(HeadHistory, request, context)).head
