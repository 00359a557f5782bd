"""JSON of a node's description of itself."""

from __future__ import annotations

from cityledger import __version__
from cityledger.api.context import Check, NodeContext
from cityledger.api.http.headers import MAX_CASE_CHARACTERS
from cityledger.api.http.shapes import EXAMPLE_DIGEST, Decimal, Hex32, ResponseModel, hex_of, with_example
from cityledger.api.signin import assertion, dpop, issuing
from cityledger.store.records.idempotency import KEEP_SECONDS

_TOKEN_RULES = {
    "endpoint": "/v1/token",
    "tokenSeconds": 900,
    "assertionSeconds": 43200,
    "dpopWindowSeconds": 60,
    "nonceSeconds": 600,
}
_CHECK = {"name": "index", "ok": True, "detail": "block 1204 of 1204", "next": "", "vital": True}
_LIMITS = {
    "bodyBytes": 65536,
    "recordBytes": 8388608,
    "objectBytes": 4294967296,
    "caseCharacters": 200,
    "idempotencySeconds": 86400,
}


class CheckView(ResponseModel):
    """``next`` is what an operator does about a failure, "" where the check is ok. Checks that are not
    ``vital`` may fail while the node is ready.
    """

    model_config = with_example(ResponseModel, _CHECK)

    name: str
    ok: bool
    detail: str
    next: str
    vital: bool


class Readiness(ResponseModel):
    model_config = with_example(ResponseModel, {"ready": True, "checks": [_CHECK]})

    ready: bool
    checks: list[CheckView]


class Alive(ResponseModel):
    model_config = with_example(ResponseModel, {"alive": True})

    alive: bool


class Root(ResponseModel):
    """Paths below the node's URL."""

    model_config = with_example(
        ResponseModel,
        {
            "service": "cityledger",
            "version": __version__,
            "openapi": "/openapi.json",
            "about": "/.well-known/cityledger",
            "ready": "/readyz",
        },
    )

    service: str
    version: str
    openapi: str
    about: str
    ready: str


class TokenRules(ResponseModel):
    """All times are in seconds."""

    model_config = with_example(ResponseModel, _TOKEN_RULES)

    endpoint: str
    token_seconds: int
    assertion_seconds: int
    dpop_window_seconds: int
    nonce_seconds: int


class Limits(ResponseModel):
    model_config = with_example(ResponseModel, _LIMITS)

    body_bytes: int
    record_bytes: int
    object_bytes: int
    case_characters: int
    idempotency_seconds: int


class WellKnown(ResponseModel):
    model_config = with_example(
        ResponseModel,
        {
            "version": 1,
            "instance": EXAMPLE_DIGEST,
            "chainId": "31337",
            "contracts": {"RecordLedger": "0x9D85ca56217D2bb651b00f15e694EB7E713637D4"},
            "stalenessLimitSeconds": 15,
            "siweDomain": "city.example",
            "agencies": [7],
            "token": _TOKEN_RULES,
            "limits": _LIMITS,
        },
    )

    version: int
    instance: Hex32
    chain_id: Decimal
    contracts: dict[str, str]
    staleness_limit_seconds: int
    siwe_domain: str
    agencies: list[int]
    token: TokenRules
    limits: Limits


def view_of(check: Check) -> CheckView:
    return CheckView(
        name=check.name, ok=check.ok, detail=check.detail, next=check.next_step, vital=check.vital
    )


def well_known(node: NodeContext, token_endpoint: str) -> WellKnown:
    settings, manifest = node.settings, node.manifest
    return WellKnown(
        version=1,
        instance=hex_of(manifest.instance),
        chain_id=str(manifest.chain_id),
        contracts={name: contract.address for name, contract in manifest.contracts.items()},
        staleness_limit_seconds=settings.staleness_limit_seconds,
        siwe_domain=settings.domain,
        agencies=list(node.services.keyring.agencies()),
        token=TokenRules(
            endpoint=token_endpoint,
            token_seconds=settings.token_seconds,
            assertion_seconds=assertion.MAX_LIFE_SECONDS,
            dpop_window_seconds=dpop.WINDOW_SECONDS,
            nonce_seconds=issuing.NONCE_SECONDS,
        ),
        limits=Limits(
            body_bytes=settings.body_limit_bytes,
            record_bytes=settings.record_limit_bytes,
            object_bytes=settings.object_limit_bytes,
            case_characters=MAX_CASE_CHARACTERS,
            idempotency_seconds=KEEP_SECONDS,
        ),
    )
