"""Imports at a ``node_fixture`` node, below HTTP: files in, the loop turned by hand, what is stored then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.imports.jobs import get_import, list_import_rows, order_import, receive_import
from cityledger.exchange.imports.notes import OpenedJob
from cityledger.exchange.imports.outcomes import Tallies
from cityledger.exchange.imports.request import ImportRequest
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.exchange.parts.own import Newest, load_newest
from cityledger.exchange.services import Services
from cityledger.formats.options import ImportOptions
from cityledger.sealing.record_ids import record_id
from cityledger.store.imports import Job, ListedRow, Verdict
from cityledger.types import OWN_DUTY, Action, DatasetId
from support.node.chain_facts import CODES
from support.node.node_fixture import TestNode

WRITING = Intent(Action.WRITE, OWN_DUTY)


@dataclass
class ImportDesk:
    """``services`` may be others than the node's own, e.g. with a journal that fails."""

    node: TestNode
    dataset: DatasetId
    services: Services

    @classmethod
    def of(cls, node: TestNode, dataset: DatasetId, **services: Any) -> ImportDesk:
        return cls(node, dataset, replace(node.context.services, **services))

    @property
    def code(self) -> str:
        node = self.node
        return CODES[(node.health, node.land, node.parking).index(self.dataset)]

    def send(self, data: bytes, format_: str = "ndjson", *, dry_run: bool = False, **options: Any) -> Job:
        """The job of a file, which then waits."""
        session = self.node.session(self.code, "writer")
        request = ImportRequest(ImportOptions(**options), dry_run)
        access = Access(session, WRITING, Target(self.dataset))
        order = order_import(self.services, access, format_, request)
        return receive_import(self.services, order, iter([data]))[0]

    def run(self) -> None:
        """Until nothing is left to do, as a node that was just started."""
        runner = ImportRunner(self.services)
        while runner.turn():
            pass

    def import_(
        self, data: bytes, format_: str = "ndjson", *, dry_run: bool = False, **options: Any
    ) -> OpenedJob:
        job = self.send(data, format_, dry_run=dry_run, **options)
        self.run()
        return self.job(job.id)

    def job(self, id_: str) -> OpenedJob:
        return get_import(self.services, self.node.agency(self.code), id_)

    def rows(self, job: Job | OpenedJob, verdict: Verdict = Verdict.REJECTED) -> list[ListedRow]:
        agency = self.node.agency(self.code)
        return list_import_rows(self.services, agency, job.id, verdict, (0, -1), 1_000)

    def newest(self, *ids: str) -> dict[str, Newest]:
        """The newest state of records by the provider's ids."""
        provider = self.node.agency(self.code)
        key = self.services.keys_of(provider).record_key(self.dataset)
        wanted = {one: record_id(key, one) for one in ids}
        with self.services.database.reading() as connection:
            found = load_newest(self.services, connection, provider, self.dataset, wanted.values())
        return {one: found[record] for one, record in wanted.items()}


def outcomes(job: Job | OpenedJob) -> dict[str, int]:
    """Rows by outcome; outcomes without a row are left out."""
    return dict(Tallies.from_json(job.cursor.tallies).outcomes)


def ndjson(rows: Iterable[Mapping[str, object]]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)
