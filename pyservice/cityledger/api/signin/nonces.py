"""Nonces for SIWE messages that a node recognises without having stored them: time, random bytes, MAC."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from cityledger.errors import CredentialError

_TIME_DIGITS = 10
_RANDOM_BYTES = 12
_MAC_BYTES = 16
_BODY_DIGITS = _TIME_DIGITS + 2 * _RANDOM_BYTES


def make_nonce(key: bytes, random_bytes: Callable[[int], bytes], expires_at: int) -> str:
    """In lower-case hex, as EIP-4361 accepts it: expiry in Unix seconds, 96 random bits, 128 bits of MAC."""
    body = f"{expires_at:0{_TIME_DIGITS}x}{random_bytes(_RANDOM_BYTES).hex()}"
    return body + _mac(key, body)


def verify_nonce(key: bytes, nonce: str, now: int) -> int:
    """The time at which the nonce expires, in Unix seconds. The caller checks that it is used only once.

    Raises:
        CredentialError: not made by ``make_nonce`` with this key, or expired.
    """
    body, mac = nonce[:_BODY_DIGITS], nonce[_BODY_DIGITS:]
    if not nonce.isascii() or not hmac.compare_digest(mac, _mac(key, body)):
        raise CredentialError("SIWE: the nonce is not one of this node's")
    expires_at = int(body[:_TIME_DIGITS], 16)
    if expires_at <= now:
        raise CredentialError("SIWE: the nonce is too old")
    return expires_at


def _mac(key: bytes, body: str) -> str:
    return hmac.digest(key, b"cityledger/siwe-nonce" + body.encode(), hashlib.sha256)[:_MAC_BYTES].hex()
