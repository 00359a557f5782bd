"""AccessPolicy: the rules on chain, evaluated at a block of choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.types import ZERO_ADDRESS, Address, Decision, Query


class AccessPolicy:
    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._contract = BoundContract(endpoint, "AccessPolicy", address)
        self.address = address

    def facts(self, query: Query, block: At) -> tuple[int, bytes, bytes]:
        """The facts' word (SPEC.md §2), and the grant and the artefact that it depends on."""
        values = self._contract.read(block, "facts", _query(query))
        return values["word"], values["grantId"], values["artefactId"]

    def decide(self, query: Query, block: At) -> Decision:
        """The rules' answer; a denial is a value, not an error."""
        return _decision(self._contract.read(block, "decide", _query(query)))

    def decide_many(self, queries: Sequence[Query], block: At) -> list[Decision]:
        """The same for each query, in order, in one round trip."""
        answered = self._contract.read(block, "decideMany", [_query(query) for query in queries])
        return [_decision(values) for values in answered]


def _query(query: Query) -> dict[str, Any]:
    return {
        "at": query.at,
        "action": int(query.action),
        "role": int(query.role),
        "consumer": query.consumer,
        "officer": query.officer or ZERO_ADDRESS,
        "credentialUntil": query.credential_until,
        "represents": query.represents,
        "dataset": query.dataset,
        "record": query.record,
        "subject": query.subject,
        "purpose": query.purpose,
        "parts": query.parts,
        "openings": query.openings,
    }


def _decision(values: Mapping[str, Any]) -> Decision:
    return Decision(
        values["permit"], values["code"], values["grantId"], values["artefactId"], values["facts"]
    )
