"""Admits requests by rate: by credential those with a valid token, by address all others."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from cityledger.api.http.pace import Pace
from cityledger.api.http.problems import answer
from cityledger.api.limits.addresses import address_key
from cityledger.api.limits.body_memory import BodyMemory
from cityledger.api.limits.rates import Rates
from cityledger.errors import InputError, TooManyRequestsError
from cityledger.exchange.instruments import Instruments
from cityledger.settings import Settings
from cityledger.store.sessions.tokens import Session

SIGN_IN_COST = 10.0
"""A request for a token counts as this many others, because signatures are checked for it."""
_COST = "cost"


@dataclass(frozen=True, slots=True)
class Limits:
    """The counters of one node's limits. Made once for each application."""

    addresses: Rates
    credentials: Rates
    bodies: BodyMemory
    pace: Pace
    instruments: Instruments

    @classmethod
    def of(cls, settings: Settings, instruments: Instruments) -> Limits:
        return cls(
            addresses=Rates(settings.address_requests_per_second),
            credentials=Rates(settings.credential_requests_per_second),
            bodies=BodyMemory(settings.body_memory_limit_bytes, settings.credential_body_memory_limit_bytes),
            pace=Pace.of(settings),
            instruments=instruments,
        )

    def admit_caller(self, session: Session) -> None:
        """Counts one request of a caller whose token was accepted.

        Raises:
            TooManyRequestsError: more than a credential may send.
        """
        key = caller_key(session)
        self._verify_rate(self.credentials, key, "credential-rate", "credential")
        self.credentials.charge(key)

    def admit_address(self, address: str) -> None:
        """
        Raises:
            TooManyRequestsError: more requests without a valid token came from this address than are
                permitted.
        """
        self._verify_rate(self.addresses, address, "address-rate", "address")

    def _verify_rate(self, rates: Rates, key: Hashable, reason: str, what: str) -> None:
        seconds = rates.wait_seconds(key)
        if seconds > 0:
            self.instruments.refused(reason)
            raise TooManyRequestsError(f"too many requests from your {what}; send fewer", seconds)


class Admission:
    """ASGI middleware around the whole application. Requests that it refuses are counted in
    ``cityledger_refusals`` and not logged one by one: else they would fill the log.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _is_ambiguous(scope):
            self._limits.instruments.refused("framing")
            refused = answer(InputError("Transfer-Encoding", "cannot be sent with Content-Length"))
            refused.headers["Connection"] = "close"  # RFC 9112 §6.1: the next bytes may be another's request
            await refused(scope, receive, send)
            return
        address = address_of(scope)
        try:
            self._limits.admit_address(address)
        except TooManyRequestsError as error:
            await answer(error)(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        try:
            await self._app(scope, receive, send)
        finally:
            if "session" not in state:
                self._limits.addresses.charge(address, state.get(_COST, 1.0))


def address_of(scope: Scope) -> str:
    """The client's address as limits count it."""
    client = scope.get("client")
    return address_key(client[0]) if client else ""


def caller_key(session: Session) -> Hashable:
    """The key under which an officer's requests at one system are counted, whatever tokens they carry."""
    return session.agency, session.officer, session.system


def _is_ambiguous(scope: Scope) -> bool:
    names = {name for name, _ in scope["headers"]}
    return b"transfer-encoding" in names and b"content-length" in names
