"""Bases of all JSON models and types of their values: camel case, strict, one form for each kind of value."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

HEX32_PATTERN = r"^0x[0-9a-f]{64}$"
EXAMPLE_DATASET = "0x" + "d1" * 32
EXAMPLE_RECORD = "0x" + "7e" * 32
EXAMPLE_SUBJECT = "0x" + "5b" * 32
EXAMPLE_DIGEST = "0x" + "3c" * 32
EXAMPLE_PLACE = {"log": "3", "seq": "41", "leafHash": EXAMPLE_DIGEST}

Hex32 = Annotated[str, StringConstraints(pattern=HEX32_PATTERN)]
"""32 bytes as 0x and lower-case hex."""
Decimal = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,77})$")]
"""An integer that may exceed 2^53."""
AgencyNumber = Annotated[int, Field(ge=1, lt=2**32)]
Version = Annotated[int, Field(ge=1, lt=2**32)]
Seconds = Annotated[int, Field(ge=0, lt=2**40)]
"""Unix time."""
PurposeName = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]{1,32}$")]
PartNames = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=32)]], Field(max_length=8)
]
ProviderRecordId = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""The provider's own id, or a record id as 0x and 64 hex digits."""
Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$")]


class RequestModel(BaseModel):
    """The body of a request: camel case only, no unknown member, no conversion of types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class ResponseModel(BaseModel):
    """The body of an answer."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


def with_example(base: type[BaseModel], example: dict[str, Any]) -> ConfigDict:
    """The base's configuration with an example for the OpenAPI document; a test validates each."""
    return ConfigDict(**{**base.model_config, "json_schema_extra": {"examples": [example]}})


def hex_of(value: bytes) -> str:
    return "0x" + value.hex()


def bytes_of(text: str) -> bytes:
    """The bytes of a value that matched ``Hex32``."""
    return bytes.fromhex(text[2:])
