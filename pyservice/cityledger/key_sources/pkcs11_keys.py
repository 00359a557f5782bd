"""Keys in a security module (PKCS #11): an account on secp256k1, and wrapping keys of AES-256.

The private keys never leave the module. A session serves one caller at a time, so calls wait for each other;
after the module was restarted or its token was removed, the next call opens a new session.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import pkcs11
from eth_keys.datatypes import PublicKey
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    DataInvalid,
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    GeneralError,
    MultipleObjectsReturned,
    NoSuchKey,
    PKCS11Error,
)
from pkcs11.mechanisms import GCMParams

from cityledger.errors import KeyringError, KeyUnavailableError, SealingError
from cityledger.keccak import keccak
from cityledger.key_sources.pkcs11_uri import Pkcs11Uri
from cityledger.key_sources.signature import canonical_signature
from cityledger.sealing.wrap import ALTERED, NONCE_BYTES

WAIT_SECONDS = 10.0
"""Maximum wait of a request for other users of a token. A call into a module cannot be ended, so one that
hangs must not block every thread of the node."""
_TAG_BITS = 128
_SECP256K1 = bytes.fromhex("06052b8104000a")
"""DER of the curve's object identifier, 1.3.132.0.10 (SEC 2)."""
_DER_POINT_PREFIX = b"\x04\x41\x04"
_UNCOMPRESSED_BYTES = 65
# Modules differ in their error for a wrong tag; SoftHSM's is "general error".
_REFUSED = (EncryptedDataInvalid, EncryptedDataLenRange, DataInvalid, GeneralError)
_Result = TypeVar("_Result")


class Token:
    """The one session of this process with a token. Signing in holds for the whole process (PKCS #11 v3.1
    §5.6), so a second session with a PIN would be refused.
    """

    def __init__(self, uri: Pkcs11Uri) -> None:
        self._uri = uri
        self._session: Any = None
        self._lock = threading.RLock()
        self.generation = 0
        """Number of sessions opened; keys found in an earlier one are invalid."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits until no other caller uses the session.

        Raises:
            KeyUnavailableError: not within ``WAIT_SECONDS``: the module does not answer that caller.
        """
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise KeyUnavailableError("the security module does not answer another request")
        try:
            yield
        finally:
            self._lock.release()

    def session(self) -> Any:
        """The open session; call inside ``turn``.

        Raises:
            KeyringError: the library or token does not exist, or the PIN is wrong.
        """
        if self._session is None:
            try:
                token = pkcs11.lib(self._uri.module).get_token(token_label=self._uri.token)
                self._session = token.open(user_pin=self._uri.pin)
            except RuntimeError as error:  # the root of the library's errors
                raise KeyringError(
                    f"token {self._uri.token!r} cannot be opened: {type(error).__name__}"
                ) from error
            self.generation += 1
        return self._session

    def forget(self) -> None:
        """Ends a session that failed, so that the next call opens another."""
        session, self._session = self._session, None
        with suppress(PKCS11Error):
            session.close()


_tokens: dict[tuple[str, str], Token] = {}
_tokens_lock = threading.Lock()


def _token_of(uri: Pkcs11Uri) -> Token:
    with _tokens_lock:
        return _tokens.setdefault((uri.module, uri.token), Token(uri))


class TokenKey:
    """One key object of a token, found by its label when it is first used."""

    def __init__(self, uri: Pkcs11Uri, find: Callable[[Any], Any]) -> None:
        self._uri = uri
        self._find = find
        self._token = _token_of(uri)
        self._generation = 0
        self._key: Any = None

    def use(self, work: Callable[[Any], _Result]) -> _Result:
        """Calls ``work(key)``, again in a new session if the first was lost.

        Raises:
            KeyringError: the token or the key does not exist, or the PIN is wrong.
            KeyUnavailableError: the module failed.
            PKCS11Error: one of ``_REFUSED``: the module works and refuses the data.
        """
        with self._token.turn():
            was_open = self._generation > 0
            try:
                return self._twice(work)
            except KeyringError as error:
                if not was_open:
                    raise
                # A key that existed at start is not missing but unavailable.
                raise KeyUnavailableError(str(error)) from error

    def _twice(self, work: Callable[[Any], _Result]) -> _Result:
        try:
            return work(self._current())
        except _REFUSED:
            raise
        except PKCS11Error:
            self._token.forget()
        try:
            return work(self._current())
        except _REFUSED:
            raise
        except PKCS11Error as error:
            self._token.forget()
            raise KeyUnavailableError(f"the security module failed: {type(error).__name__}") from error

    def _current(self) -> Any:
        session = self._token.session()
        if self._key is None or self._generation != self._token.generation:
            self._key, self._generation = self._found(session), self._token.generation
        return self._key

    def _found(self, session: Any) -> Any:
        try:
            return self._find(session)
        except (NoSuchKey, MultipleObjectsReturned) as error:
            place = f"key {self._uri.object!r} of token {self._uri.token!r}"
            raise KeyringError(f"{place} cannot be opened: {type(error).__name__}") from error


class TokenSigner:
    """An account whose private key is in a token, under the label of the URI, with its public key."""

    def __init__(self, uri: Pkcs11Uri) -> None:
        self._address = _address(TokenKey(uri, lambda session: _public(session, uri)))
        self._key = TokenKey(
            uri, lambda session: session.get_key(ObjectClass.PRIVATE_KEY, KeyType.EC, label=uri.object)
        )

    @property
    def address(self) -> str:
        return self._address

    def sign(self, preimage: bytes) -> bytes:
        digest = keccak(preimage)
        try:
            rs = self._key.use(lambda key: bytes(key.sign(digest, mechanism=Mechanism.ECDSA)))
        except _REFUSED as error:
            raise KeyUnavailableError(f"the security module failed: {type(error).__name__}") from error
        return canonical_signature(self._address, preimage, rs)


class TokenVaultKey:
    """A wrapping key (AES-256) in a token."""

    def __init__(self, epoch: int, uri: Pkcs11Uri) -> None:
        self._epoch = epoch
        self._key = TokenKey(
            uri, lambda session: session.get_key(ObjectClass.SECRET_KEY, KeyType.AES, label=uri.object)
        )
        # A missing key is detected at start, not at the first read.
        self._key.use(lambda key: key)

    @property
    def epoch(self) -> int:
        return self._epoch

    def encrypt(self, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
        how = {
            "mechanism": Mechanism.AES_GCM,
            "mechanism_param": GCMParams(nonce, associated, _TAG_BITS),
        }
        try:
            return self._key.use(lambda key: bytes(key.encrypt(plain, **how)))
        except _REFUSED as error:
            raise KeyUnavailableError(f"the security module failed: {type(error).__name__}") from error

    def decrypt(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        how = {
            "mechanism": Mechanism.AES_GCM,
            "mechanism_param": GCMParams(nonce, associated, _TAG_BITS),
        }
        try:
            return self._key.use(lambda key: bytes(key.decrypt(sealed, **how)))
        except _REFUSED as error:
            # A failing module reports the same error as one that refuses, so test whether it still seals.
            self.encrypt(os.urandom(NONCE_BYTES), b"", b"")
            raise SealingError(ALTERED) from error


def _public(session: Any, uri: Pkcs11Uri) -> Any:
    key = session.get_key(ObjectClass.PUBLIC_KEY, KeyType.EC, label=uri.object)
    if bytes(key[Attribute.EC_PARAMS]) != _SECP256K1:
        raise KeyringError(f"key {uri.object!r} of token {uri.token!r} is not on secp256k1")
    return key


def _address(public: TokenKey) -> str:
    point = public.use(lambda key: bytes(key[Attribute.EC_POINT]))
    if not point.startswith(_DER_POINT_PREFIX) or len(point) != _UNCOMPRESSED_BYTES + 2:
        raise KeyringError("the public key in the token is not an uncompressed point")
    return PublicKey(point[len(_DER_POINT_PREFIX) :]).to_checksum_address()
