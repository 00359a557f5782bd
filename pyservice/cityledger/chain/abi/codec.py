"""Turning Python values into calldata and back, by the ABI that ships with the contracts.

Decoded structs and argument lists are dictionaries by Solidity name, so a field added in the contract cannot
shift another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError
from eth_abi.registry import BaseEquals
from eth_abi.registry import registry as default_registry
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3 import Web3
from web3.contract import Contract

from cityledger.chain.abi.artifacts import entries_of_kind, load_artifact
from cityledger.errors import ChainError

Entry = Mapping[str, Any]
Named = dict[str, Any]


class _TolerantStringDecoder(StringDecoder):
    """Solidity does not check that a ``string`` is UTF-8. If bad bytes raised here, one steward's title could
    stop every node. So could a NUL, which UTF-8 has and PostgreSQL's texts have not (SPEC.md §4.3).
    """

    @classmethod
    def from_type_str(cls, abi_type: Any, registry: Any) -> _TolerantStringDecoder:
        return cls(handle_string_errors="replace")

    @staticmethod
    def decoder_fn(data: bytes, handle_string_errors: str = "replace") -> str:  # type: ignore[override]
        return data.decode("utf-8", handle_string_errors).replace("\0", "\ufffd")


def _tolerant_codec() -> ABICodec:
    registry = default_registry.copy()  # type: ignore[no-untyped-call]
    registry.unregister_decoder("string")
    is_string = BaseEquals("string")  # type: ignore[no-untyped-call]
    registry.register_decoder(is_string, _TolerantStringDecoder, label="string")
    return ABICodec(registry)


codec = _tolerant_codec()


@cache
def _contract(name: str) -> type[Contract]:
    artifact = load_artifact(name)
    return Web3().eth.contract(abi=artifact.abi, bytecode="0x" + artifact.bytecode.hex())


def encode_call(name: str, function: str, arguments: Sequence[object]) -> bytes:
    """Selector and arguments of a call to ``function`` of contract ``name``. Structs are tuples or
    dictionaries.
    """
    return bytes.fromhex(_contract(name).encode_abi(function, args=list(arguments))[2:])


def encode_creation(name: str, arguments: Sequence[object]) -> bytes:
    """Creation code followed by the constructor's arguments."""
    return bytes.fromhex(str(_contract(name).constructor(*arguments).data_in_transaction)[2:])


def decode_result(name: str, function: str, data: bytes) -> Any:
    """The result of ``function``: one value, or a dictionary (a tuple where the ABI gives no names) for
    several.

    Raises:
        ChainError: the bytes do not fit the ABI, as when the address has no contract.
    """
    outputs = _function(name, function)["outputs"]
    values = decode_values(outputs, data, f"{name}.{function}")
    if len(outputs) == 1:
        return values[0]
    if any(not output["name"] for output in outputs):
        return tuple(values)
    return {output["name"]: value for output, value in zip(outputs, values, strict=True)}


def decode_values(parameters: Sequence[Entry], data: bytes, what: str) -> list[Any]:
    """Decodes ``data`` as the ABI parameters, in order.

    Raises:
        ChainError: the bytes do not fit.
    """
    try:
        raw = codec.decode([canonical_type(parameter) for parameter in parameters], data)
    except DecodingError as error:
        raise ChainError(f"{what} answered {len(data)} bytes that do not fit its ABI") from error
    return [_named(parameter, value) for parameter, value in zip(parameters, raw, strict=True)]


def decode_event(entry: Entry, topics: Sequence[bytes], data: bytes) -> Named:
    """An event's values by name. ``topics`` are those after the first, which names the event.

    Raises:
        ChainError: they do not fit the ABI.
    """
    indexed = [parameter for parameter in entry["inputs"] if parameter["indexed"]]
    plain = [parameter for parameter in entry["inputs"] if not parameter["indexed"]]
    if len(topics) != len(indexed):
        raise ChainError(f"event {entry['name']} has {len(topics)} topics; its ABI says {len(indexed)}")
    values = decode_values(indexed, b"".join(topics), entry["name"]) + decode_values(
        plain, data, entry["name"]
    )
    return {parameter["name"]: value for parameter, value in zip(indexed + plain, values, strict=True)}


def signature(entry: Entry) -> str:
    """``name(type,…)`` with tuples written out, as it is hashed for selectors and topics."""
    return f"{entry['name']}({','.join(canonical_type(parameter) for parameter in entry['inputs'])})"


def selector(entry: Entry) -> bytes:
    """The first four bytes of the hash of a function's or error's signature."""
    return keccak(text=signature(entry))[:4]


def selectors_of(name: str, functions: Sequence[str]) -> list[bytes]:
    """The selectors of the functions, by name."""
    return [selector(_function(name, function)) for function in functions]


def canonical_type(parameter: Entry) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    members = ",".join(canonical_type(member) for member in parameter["components"])
    return f"({members}){kind.removeprefix('tuple')}"


@cache
def _function(name: str, function: str) -> Entry:
    return next(entry for entry in entries_of_kind(name, "function") if entry["name"] == function)


def _named(parameter: Entry, value: Any) -> Any:
    kind = str(parameter["type"])
    if kind.endswith("]"):
        element = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_named(element, item) for item in value]
    if kind == "tuple":
        members = parameter["components"]
        return {member["name"]: _named(member, item) for member, item in zip(members, value, strict=True)}
    return to_checksum_address(value) if kind == "address" else value
