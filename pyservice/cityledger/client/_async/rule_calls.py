"""Calls about decisions in advance, grants, and reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from cityledger.client._async.calls import Calls
from cityledger.client.access_context import AccessContext
from cityledger.client.answers import DecisionAnswer, ListedGrant, Mined, ProvenFile, Read, ReadsPage
from cityledger.client.concurrency import async_call
from cityledger.client.http.messages import Request
from cityledger.client.proving import proven
from cityledger.client.wire import to_hex
from cityledger.proofs.ledger import LedgerReader
from cityledger.types import Action, AgencyId, DatasetId


@dataclass(frozen=True, slots=True)
class _Grants:
    grants: tuple[ListedGrant, ...]
    next: str | None


class RuleCalls(Calls):
    async def decide(
        self,
        dataset: DatasetId,
        action: Action,
        context: AccessContext,
        *,
        parts: Sequence[str] | None = None,
    ) -> DecisionAnswer:
        """The decision that the rules would make on the caller's request for a dataset. It is about no
        record, and leaves no receipt."""
        body: dict[str, object] = {"dataset": to_hex(dataset), "action": action.name.lower()}
        if parts is not None:
            body["parts"] = list(parts)
        return await self._ask(
            DecisionAnswer, Request("POST", "/v1/decisions", json=body, is_question=True), context
        )

    async def grants(self, dataset: DatasetId | None = None) -> tuple[ListedGrant, ...]:
        """The grants that the caller's agency made or has, live or not."""
        params = {"limit": "200"} | ({} if dataset is None else {"dataset": to_hex(dataset)})
        found: list[ListedGrant] = []
        while True:
            page = await self._ask(_Grants, Request("GET", "/v1/grants", dict(params)))
            found += page.grants
            if page.next is None:
                return tuple(found)
            params["after"] = page.next

    async def grant(
        self,
        dataset: DatasetId,
        consumer: AgencyId,
        purpose: str,
        parts: Sequence[str],
        *,
        since: int | None = None,
        until: int | None = None,
    ) -> Mined:
        """The transaction that set the grant of a dataset to a consumer for a purpose, and replaced an
        earlier one; for stewards. ``since`` None is now, ``until`` None sets no end; both are Unix seconds.

        Raises:
            MisdirectedError: the node does not have the steward's account: send the call yourself.
        """
        body: dict[str, object] = {**_slot(dataset, consumer, purpose), "parts": list(parts)}
        body |= {name: at for name, at in (("since", since), ("until", until)) if at is not None}
        return await self._ask(Mined, Request("POST", "/v1/grants", json=body))

    async def revoke(self, dataset: DatasetId, consumer: AgencyId, purpose: str) -> Mined:
        """The transaction that removed the grant of a dataset to a consumer for a purpose; for stewards.
        Reads under it stop within the published bound."""
        body = _slot(dataset, consumer, purpose)
        return await self._ask(Mined, Request("POST", "/v1/grants/revoke", json=body))

    async def reads_page(self, after: str | None = None, limit: int = 100) -> ReadsPage:
        """One page of the reads in which the caller's agency takes part, oldest first within each log."""
        params = {"limit": str(limit)} | ({} if after is None else {"after": after})
        return await self._ask(ReadsPage, Request("GET", "/v1/reads", params))

    async def reads(self, limit: int = 100) -> AsyncIterator[Read]:
        """All reads in which the caller's agency takes part, fetched ``limit`` at a time."""
        page = await self.reads_page(None, limit)
        while True:
            for read in page.reads:
                yield read
            if page.next is None:
                return
            page = await self.reads_page(page.next, limit)

    async def read_proof(self, digest: bytes, *, reader: LedgerReader | None = None) -> ProvenFile:
        """The proof file of a receipt, verified; with ``reader`` up to the level "anchored".

        Raises:
            NotAnchoredError: the receipt's batch is not mined yet.
            VerificationError: the proof is not valid, or is of another receipt.
        """
        answer = await self._send(Request("GET", f"/v1/reads/{to_hex(digest)}/proof"))
        return await async_call(proven, answer.body, reader, receipt=digest)


def _slot(dataset: DatasetId, consumer: AgencyId, purpose: str) -> dict[str, object]:
    return {"dataset": to_hex(dataset), "consumer": consumer, "purpose": purpose}
