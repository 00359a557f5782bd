# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""The token of one client."""

from __future__ import annotations

from collections.abc import Callable

from cityledger.client._sync.connection import Connection
from cityledger.client.answers import NodeInfo, WhoAmI
from cityledger.client.concurrency import Lock
from cityledger.client.credentials.sign_in import (
    RENEW_SECONDS,
    TOKEN_PATH,
    AccessToken,
    Credentials,
    Machine,
    caller_of,
    read_token,
)
from cityledger.client.http.messages import Request
from cityledger.client.releases.checks import Caller
from cityledger.errors import CredentialError


class Access:
    """A token that was given once, or one obtained with credentials and renewed; concurrent calls obtain one
    token together."""

    def __init__(
        self,
        connection: Connection,
        about: Callable[[], NodeInfo],
        machine: Machine,
        credentials: Credentials | None,
        token: str | None,
    ) -> None:
        self._connection = connection
        self._about = about
        self._machine = machine
        self._credentials = credentials
        self._token = None if token is None else AccessToken(token, float("inf"))
        self._lock = Lock()

    @property
    def is_renewable(self) -> bool:
        return self._credentials is not None

    def caller(self, who: WhoAmI) -> Caller:
        """The caller for which a token of this client is valid. ``who`` is the caller that the node names; it
        is used where there are no credentials.

        Raises:
            VerificationError: the node names another caller than the credentials.
        """
        return caller_of(self._credentials, who)

    def token(self) -> AccessToken:
        """A token that is valid for at least ``RENEW_SECONDS``.

        Raises:
            CredentialError: the credentials were refused, or there are none.
        """
        with self._lock:
            if self._token is None or self._token.until - RENEW_SECONDS <= self._machine.now():
                self._token = self._obtain()
            return self._token

    def forget(self, refused: AccessToken) -> None:
        """Discards a token that the node refused, unless another call has obtained a new one already."""
        with self._lock:
            if self._token is refused:
                self._token = None

    def _obtain(self) -> AccessToken:
        if self._credentials is None:
            raise CredentialError(
                "neither credentials nor a token were given: on the command line --credentials FILE (see"
                " `cityledger whoami --help`) or --token"
            )
        requested_at = self._machine.now()
        node = self._about()
        nonce = self._nonce() if self._credentials.needs_nonce else ""
        grant = self._credentials.grant(self._connection.address, node, nonce, self._machine)
        headers = {} if grant.proof is None else {"DPoP": grant.proof}
        request = Request("POST", TOKEN_PATH, headers=headers, form=grant.form)
        return read_token((self._connection.send(request)).json(), requested_at)

    def _nonce(self) -> str:
        return str((self._connection.send(Request("GET", "/v1/siwe/nonce"))).json()["nonce"])
