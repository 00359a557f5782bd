"""A contract at an address: every wrapper reads and prepares calls through it."""

from __future__ import annotations

from typing import Any

from cityledger.chain.abi.codec import decode_result, encode_call
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.chain.transactions import Call
from cityledger.types import Address


class BoundContract:
    """Reads at a named block, and prepares calls for a sender. ``name`` is the artifact's."""

    def __init__(self, endpoint: Endpoint, name: str, address: Address) -> None:
        self._endpoint = endpoint
        self._name = name
        self.address = address

    def read(self, block: At, function: str, *arguments: object) -> Any:
        """The result of the view function at the block.

        Raises:
            RevertedError: the contract refused.
            ChainError: the block is unknown, or the address has no such contract.
        """
        data = encode_call(self._name, function, arguments)
        return decode_result(self._name, function, self._endpoint.call(self.address, data, block))

    def prepare(self, function: str, *arguments: object) -> Call:
        """The call, for ``Sender.transact``."""
        return Call(self.address, encode_call(self._name, function, arguments), f"{self._name}.{function}")
