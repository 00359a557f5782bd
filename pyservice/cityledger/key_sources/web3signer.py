"""An account at a remote signer with Web3Signer's REST API for Ethereum accounts.

``GET /api/v1/eth1/publicKeys`` lists public keys (64 bytes, 0x-hex); ``POST /api/v1/eth1/sign/{public key}``
with ``{"data": "0x…"}`` answers 0x-hex of r ‖ s ‖ v over the Keccak-256 of the data.

Warning: any process that can reach the signer's port can sign as the account. Plain HTTP is accepted on
loopback only.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx
from eth_keys.datatypes import PublicKey
from eth_utils.exceptions import ValidationError

from cityledger.errors import ConfigurationError, KeyringError, KeyUnavailableError
from cityledger.key_sources.signature import canonical_signature

_TIMEOUT_SECONDS = 5.0
_MAX_BYTES = 1_048_576
"""Enough for about 7,800 public keys."""


class Web3Signer:
    """Signs at ``url`` as one account. May be called from several threads."""

    def __init__(self, client: httpx.Client, address: str, public_key: str) -> None:
        self._client = client
        self._address = address
        self._public_key = public_key

    @classmethod
    def connect(cls, url: str, address: str) -> Web3Signer:
        """The account with this address at the signer.

        Raises:
            ConfigurationError: the URL is not https, nor http on loopback.
            KeyUnavailableError: no answer.
            KeyringError: the signer does not hold this account's key.
        """
        client = httpx.Client(base_url=_verified(url), timeout=_TIMEOUT_SECONDS, trust_env=False)
        for public_key in _listed(_ask(client, "GET", "/api/v1/eth1/publicKeys")):
            if _address_of(public_key) == address:
                return cls(client, address, public_key)
        client.close()
        raise KeyringError(f"the remote signer does not hold the key of {address}")

    @property
    def address(self) -> str:
        return self._address

    def sign(self, preimage: bytes) -> bytes:
        path = f"/api/v1/eth1/sign/{self._public_key}"
        answer = _ask(self._client, "POST", path, {"data": "0x" + preimage.hex()})
        return canonical_signature(self._address, preimage, _signature_bytes(answer))


def _verified(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return url.rstrip("/")
    raise ConfigurationError("settings: a web3signer: URL must be https://…, or http:// on loopback")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _ask(client: httpx.Client, method: str, path: str, body: dict[str, str] | None = None) -> bytes:
    try:
        with client.stream(method, path, json=body) as answer:
            status, content = answer.status_code, _bounded(answer)
    except httpx.HTTPError as error:
        # Not the library's text: it quotes the URL.
        raise KeyUnavailableError(f"the remote signer does not answer: {type(error).__name__}") from None
    if status != httpx.codes.OK:
        raise KeyUnavailableError(f"the remote signer refused with status {status}")
    return content


def _bounded(answer: httpx.Response) -> bytes:
    content = b""
    for chunk in answer.iter_bytes(_MAX_BYTES):
        content += chunk
        if len(content) > _MAX_BYTES:
            raise KeyUnavailableError(f"the remote signer answered with more than {_MAX_BYTES} bytes")
    return content


def _listed(answer: bytes) -> list[Any]:
    try:
        listed = json.loads(answer)
    except (ValueError, RecursionError):
        raise KeyUnavailableError("the remote signer did not answer with JSON") from None
    return listed if isinstance(listed, list) else []


def _address_of(public_key: Any) -> str:
    try:
        return PublicKey(bytes.fromhex(str(public_key).removeprefix("0x"))).to_checksum_address()
    except (ValueError, ValidationError):
        return ""


def _signature_bytes(answer: bytes) -> bytes:
    try:
        signature = bytes.fromhex(answer.decode().strip().strip('"').removeprefix("0x"))
    except ValueError:
        signature = b""
    if len(signature) != 65:
        raise KeyUnavailableError("the remote signer did not answer with a signature of 65 bytes")
    return signature[:64]
