"""The parts of a node that its API uses. Made once, at start; routes get them from the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from cityledger.api.http.request_streams import Uploads
from cityledger.chain.manifest import Manifest
from cityledger.exchange.heads import HeadMover
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.exchange.services import Services
from cityledger.exchange.stewardship import StewardTransactions
from cityledger.settings import Settings
from cityledger.settings.own_machine import OWN_MACHINE, is_own_machine


@dataclass(frozen=True, slots=True)
class Check:
    """One result in ``/readyz``. ``detail`` is public: no address, path or key. ``next_step`` is for the
    operator. A node stays ready while only checks fail that are not ``vital``.
    """

    name: str
    ok: bool
    detail: str
    next_step: str = ""
    vital: bool = True


@dataclass(frozen=True, slots=True)
class NodeContext:
    """``now`` gives Unix seconds: the clock of sign-in. Decisions have their own (``services.clock``)."""

    services: Services
    settings: Settings
    manifest: Manifest
    now: Callable[[], int]
    steward: StewardTransactions
    head_mover: HeadMover
    imports: ImportRunner
    metrics: CollectorRegistry
    readiness: Callable[[], list[Check]]
    nonce_key: bytes = field(repr=False)
    """Authenticates the nonces of all processes of this node's database."""
    uploads: Uploads = field(default_factory=Uploads)

    @property
    def origins(self) -> frozenset[str]:
        """``scheme://authority`` of this node, as a DPoP proof may name it (RFC 9449 §4.3 (9)).

        The request's own Host header is not among them: a node in the middle could send any value.
        Nor is the address it listens at, such as 0.0.0.0, nor are names of every machine's own, such as
        localhost, unless the domain is one: a proof for them that one node has seen would be valid at others.
        """
        settings = self.settings
        hosts = {settings.domain}
        if is_own_machine(settings.domain):
            hosts |= set(OWN_MACHINE)
        named = {settings.domain} | {f"{host}:{settings.port}" for host in hosts}
        return frozenset(f"{scheme}://{name.lower()}" for scheme in ("http", "https") for name in named)
