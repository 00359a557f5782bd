"""Say on chain which version of a record counts."""

from __future__ import annotations

from cityledger.client._async.calls import Calls
from cityledger.client.address import record_path
from cityledger.client.landing_forms import Head, HeadHistory, Landed
from cityledger.client.messages import Request
from cityledger.client.reasons import OWN_DUTY, Reason
from cityledger.types import DatasetId, RecordId


class LandingCalls(Calls):
    async def move_head(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        *,
        reason: Reason = OWN_DUTY,
        expected_version: int | None = None,
    ) -> Landed:
        """Moves the record's head on chain to the newest version that this node wrote; returns once that is
        mined. Of two versions that follow the same one, only one lands. Done already, it only says where.

        ``expected_version`` is the version known to have landed, 0 for none: name it to follow a version
        that another node of the agency has landed. None follows only what this node wrote.

        Raises:
            HeadMovedError: another version has landed; write one that follows it.
            NotAnchoredError: the version is durable, but not mined yet; ask again.
            NotFoundError: nothing was written, or it was erased.
            DeniedError: the rules deny.
        """
        asked = {} if expected_version is None else {"expectedVersion": expected_version}
        return await self._ask(
            Landed, Request("POST", record_path(dataset, record) + "/head", json=asked), reason
        )

    async def head(self, dataset: DatasetId, record: str | RecordId, reason: Reason) -> Head | None:
        """The version that has landed, by whichever node of the provider; None where none has."""
        request = Request("GET", record_path(dataset, record) + "/history")
        return (await self._ask(HeadHistory, request, reason)).head
