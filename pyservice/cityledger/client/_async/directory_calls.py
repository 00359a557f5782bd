"""Calls on the directory: agencies, datasets, revocations, and the signed-in caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cityledger.client._async.calls import Calls, node_info
from cityledger.client.answers import Dataset, NodeInfo, Revocations, WhoAmI
from cityledger.client.http.address import dataset_path, revocations_path
from cityledger.client.http.messages import Request
from cityledger.client.wire import read_answer
from cityledger.types import Agency, AgencyId, DatasetId

_PAGE = "200"


@dataclass(frozen=True, slots=True)
class _Agencies:
    agencies: tuple[Agency, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class _Catalog:
    datasets: tuple[Dataset, ...]
    next: str | None


class DirectoryCalls(Calls):
    async def node(self) -> NodeInfo:
        """The node's description of itself, unproven."""
        return await node_info(self._connection)

    async def whoami(self) -> WhoAmI:
        """The caller as which this client is signed in."""
        return await self._ask(WhoAmI, Request("GET", "/v1/whoami"))

    async def token(self) -> str:
        """The access token in use, for another program; it expires within 15 minutes."""
        return (await self._access.token()).secret

    async def agencies(self) -> tuple[Agency, ...]:
        """Every agency, in order of admission."""
        found: list[Agency] = []
        params: dict[str, str] = {"limit": _PAGE}
        while True:
            page = await self._get(_Agencies, "/v1/agencies", dict(params))
            found += page.agencies
            if page.next is None:
                return tuple(found)
            params["after"] = page.next

    async def agency(self, name: str | AgencyId) -> Agency:
        """One agency, by number or code."""
        return await self._get(Agency, f"/v1/agencies/{quote(str(name), safe='')}")

    async def revocations(self, agency: str | AgencyId) -> Revocations:
        """The officers that the caller's own agency no longer vouches for."""
        return await self._ask(Revocations, Request("GET", revocations_path(agency)))

    async def put_revocations(self, agency: str | AgencyId, signed: str) -> Revocations:
        """The agency's list after ``signed`` took effect, which it does at once. ``make_revocation_list``
        signs a list; no token is needed."""
        headers = {"Content-Type": "application/jwt"}
        path = revocations_path(agency)
        answer = await self._open(Request("PUT", path, headers=headers, content=signed.encode()))
        return read_answer(Revocations, answer.json(), path)

    async def catalog(
        self, words: str | None = None, *, profile: str | None = None, provider: AgencyId | None = None
    ) -> tuple[Dataset, ...]:
        """The datasets whose path or title contains all ``words``, in order of their paths."""
        filters = {"q": words, "profile": profile, "provider": provider}
        params = {name: str(value) for name, value in filters.items() if value is not None} | {"limit": _PAGE}
        found: list[Dataset] = []
        while True:
            page = await self._get(_Catalog, "/v1/catalog", dict(params))
            found += page.datasets
            if page.next is None:
                return tuple(found)
            params["after"] = page.next

    async def dataset(self, dataset: DatasetId) -> Dataset:
        """One dataset with its terms."""
        return await self._get(Dataset, dataset_path(dataset))

    async def schema(self, dataset: DatasetId) -> dict[str, Any]:
        """The JSON Schema of the dataset's parts."""
        answer = await self._open(Request("GET", dataset_path(dataset) + "/schema"))
        document: dict[str, Any] = answer.json()
        return document
