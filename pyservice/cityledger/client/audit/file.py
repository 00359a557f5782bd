"""The receipts that an agency exported: an NDJSON file, made from a node's answers. ``check.py``
verifies it without any node.

The first line names format, deployment and agency; each further line is one read as ``GET /v1/reads`` returns
it, with the receipt's proof file as ``proof``, null where its batch was not mined yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from cityledger import strict_json
from cityledger.client.answers import NodeInfo, ProvenFile, Read
from cityledger.client.wire import json_of, read_answer
from cityledger.errors import InputError, NodeError, VerificationError
from cityledger.types import Address, AgencyId

FORMAT = "cityledger-audit/1"
_MAX_LINE_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class AuditHeader:
    """The contents of a file's first line, unproven: a verifier with a chain reads these from the chain
    instead."""

    format: str
    instance: bytes
    chain_id: int
    ledger: Address
    agency: AgencyId
    exported_at: int


def header_line(node: NodeInfo, agency: AgencyId, exported_at: int) -> bytes:
    """The first line; ``exported_at`` in Unix seconds."""
    ledger = node.contracts["RecordLedger"]
    header = AuditHeader(FORMAT, node.instance, node.chain_id, ledger, agency, exported_at)
    return msgspec.json.encode(json_of(header)) + b"\n"


def read_line(read: Read, proof: ProvenFile | None) -> bytes:
    """A read with its proof."""
    members: dict[str, Any] = json_of(read)
    return msgspec.json.encode({**members, "proof": msgspec.Raw(_one_line(proof)) if proof else None}) + b"\n"


def read_header(line: bytes) -> AuditHeader:
    """The first line.

    Raises:
        VerificationError: it is not one.
    """
    try:
        value = strict_json.parse(line, max_bytes=_MAX_LINE_BYTES, minus_zero=False)
        header = read_answer(AuditHeader, value, "an export")
    except (InputError, NodeError):
        raise VerificationError(f"line 1: not the first line of {FORMAT}") from None
    if header.format != FORMAT:
        raise VerificationError(f"line 1: format is not {FORMAT}")
    return header


def parse_read(line: bytes) -> tuple[Read, bytes | None]:
    """A further line: the read, and its proof file if there is one.

    Raises:
        VerificationError: it is not a read with its proof.
    """
    try:
        value = strict_json.parse(line, max_bytes=_MAX_LINE_BYTES, minus_zero=False)
        if not isinstance(value, dict) or "proof" not in value:
            raise VerificationError("not a read with its proof")
        proof = None if value.pop("proof") is None else strict_json.raw_members(line)["proof"]
        return read_answer(Read, value, "a read"), proof
    except (InputError, NodeError) as error:
        raise VerificationError(f"not a read with its proof: {error}") from error


def _one_line(proof: ProvenFile) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(proof.data))
