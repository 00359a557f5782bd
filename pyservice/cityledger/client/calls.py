"""What every group of calls shares: sending signed in, and saying what a read is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import quote

from cityledger.client.answers import NodeInfo
from cityledger.client.connection import Answer, Connection, Request
from cityledger.client.sign_in import Access
from cityledger.client.wire import read_answer, to_hex
from cityledger.errors import TokenError
from cityledger.types import AgencyId, DatasetId, RecordId

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody asks, as each read must say: the purpose's name, the case, and the agency that the caller
    acts for, if any."""

    purpose: str
    case: str = ""
    represents: AgencyId | None = None

    def headers(self) -> dict[str, str]:
        told = {"Cityledger-Purpose": self.purpose}
        if self.case:
            told["Cityledger-Case"] = self.case
        if self.represents is not None:
            told["Cityledger-Represents"] = str(self.represents)
        return told


OWN_DUTY = Reason("OWN_DUTY")
"""The provider works on its own records."""


class Calls:
    """The parts of a client build on this."""

    def __init__(self, connection: Connection, access: Access) -> None:
        self._connection = connection
        self._access = access

    def _open(self, request: Request) -> Answer:
        """Sends without a token."""
        return self._connection.send(request)

    def _send(self, request: Request, reason: Reason | None = None) -> Answer:
        """Sends with a token; where that was refused and can be renewed, once more with a fresh one."""
        if reason is not None:
            request = replace(request, headers={**request.headers, **reason.headers()})
        token = self._access.token()
        try:
            return self._connection.send(request, token.secret)
        except TokenError:
            if not self._access.is_renewable:
                raise
        self._access.forget(token)
        return self._connection.send(request, self._access.token().secret)

    def _get(self, kind: type[T], path: str, params: Mapping[str, str] | None = None) -> T:
        """An open answer of the directory."""
        return read_answer(kind, self._open(Request("GET", path, params or {})).json(), path)

    def _ask(self, kind: type[T], request: Request, reason: Reason | None = None) -> T:
        return read_answer(kind, self._send(request, reason).json(), request.method + " " + _shown(request))


def node_info(connection: Connection) -> NodeInfo:
    """What the node says about itself."""
    path = "/.well-known/cityledger"
    return read_answer(NodeInfo, connection.send(Request("GET", path)).json(), path)


def dataset_path(dataset: DatasetId) -> str:
    return f"/v1/datasets/{to_hex(dataset)}"


def record_path(dataset: DatasetId, record: str | RecordId) -> str:
    """``record`` is the provider's own id, or the 32 bytes that it is known by elsewhere."""
    name = record if isinstance(record, str) else to_hex(record)
    return f"{dataset_path(dataset)}/records/{quote(name, safe='')}"


def _shown(request: Request) -> str:
    """The path without a record's name, which may be personal."""
    return request.path.partition("/records/")[0]
