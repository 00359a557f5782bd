"""JSON of grants, and of a decision requested in advance."""

from __future__ import annotations

from typing import Any, Literal

from cityledger.api.http.shapes import (
    EXAMPLE_DATASET,
    EXAMPLE_DIGEST,
    AgencyNumber,
    Decimal,
    Hex32,
    PartNames,
    PurposeName,
    RequestModel,
    ResponseModel,
    Seconds,
    with_example,
)
from cityledger.types import NO_END, Action

ActionName = Literal[
    "read",
    "lookup",
    "check",
    "history",
    "proof",
    "release",
    "feed",
    "write",
    "restrict",
    "seal",
    "lift",
    "erase",
]
_SLOT: dict[str, Any] = {"dataset": EXAMPLE_DATASET, "consumer": 9, "purpose": "TREATMENT"}
_GRANT: dict[str, Any] = {
    **_SLOT,
    "provider": 7,
    "grant": EXAMPLE_DIGEST,
    "parts": ["summary"],
    "since": 1767190000,
    "until": None,
    "live": True,
}


class DecisionRequest(RequestModel):
    """A request for a decision in advance. It is never about one record: that would need a receipt."""

    model_config = with_example(
        RequestModel, {"dataset": EXAMPLE_DATASET, "action": "read", "parts": ["summary"]}
    )

    dataset: Hex32
    action: ActionName
    parts: PartNames | None = None


class DecisionView(ResponseModel):
    """``permit`` applies to the dataset at that block and time; a record may still be restricted.

    ``code`` is null where the cause of a denial may not be disclosed.
    """

    model_config = with_example(
        ResponseModel,
        {
            "permit": False,
            "code": 81,
            "rule": 8,
            "reason": "no live grant covers these parts for this purpose",
            "basis": None,
            "block": "1204",
            "at": 1767190000,
        },
    )

    permit: bool
    code: int | None
    rule: int | None
    reason: str | None
    basis: Hex32 | None
    block: Decimal
    at: int


class SlotRequest(RequestModel):
    """The key of a grant: a dataset, a consumer and a purpose."""

    model_config = with_example(RequestModel, _SLOT)

    dataset: Hex32
    consumer: AgencyNumber
    purpose: PurposeName


class GrantRequest(SlotRequest):
    """Times are Unix seconds. Without ``since`` the grant begins now, without ``until`` it has no end."""

    model_config = with_example(RequestModel, {**_SLOT, "parts": ["summary"], "until": 1798761600})

    parts: PartNames
    since: Seconds | None = None
    until: Seconds = NO_END


class GrantView(ResponseModel):
    """``live`` says whether the grant applies now. With ``until`` null it has no end."""

    model_config = with_example(ResponseModel, _GRANT)

    dataset: Hex32
    provider: AgencyNumber
    consumer: AgencyNumber
    purpose: PurposeName
    grant: Hex32
    parts: list[str]
    since: int
    until: int | None
    live: bool


class Grants(ResponseModel):
    """``next`` continues the list, null at its end."""

    model_config = with_example(ResponseModel, {"grants": [_GRANT], "next": None})

    grants: list[GrantView]
    next: str | None


def action_of(name: ActionName) -> Action:
    return Action[name.upper()]
