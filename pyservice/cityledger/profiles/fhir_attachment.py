"""Statements of an Attachment about its own data (HL7 FHIR 4.0.1, datatypes.html#Attachment)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

from cityledger.strict_json import Json


def attachment_fault(members: Mapping[str, Json]) -> tuple[str, str]:
    """``(member, reason)`` of the first statement that contradicts ``data``; empty texts if none does.

    The members have their types already. Without data, ``size`` and ``hash`` are about what ``url`` names.
    """
    text = members.get("data")
    if not isinstance(text, str):
        return "", ""
    if "contentType" not in members:
        return "contentType", "is required with data (att-1)"
    try:
        data = base64.b64decode(text)
    except binascii.Error:
        return "data", "must be base64 (RFC 4648) in groups of four"
    if members.get("size", len(data)) != len(data):
        return "size", "contradicts data: it counts the bytes before base64 encoding"
    return _hash_fault(members.get("hash"), data)


def _hash_fault(stated: Json, data: bytes) -> tuple[str, str]:
    if not isinstance(stated, str):
        return "", ""
    # R4 specifies SHA-1; it detects mistakes here, and no security relies on it.
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    if base64.b64decode(stated) != digest:
        return "hash", "contradicts data: it is the SHA-1 of the bytes before base64 encoding"
    return "", ""
