"""The loop that runs a node's imports: those of one dataset in their order, several datasets round-robin."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from cityledger.errors import CityledgerError, UnavailableError, places_of
from cityledger.exchange.imports.notes import Notes
from cityledger.exchange.imports.run import ImportRun
from cityledger.exchange.imports.spool import sweep
from cityledger.exchange.parts.storage import written_before
from cityledger.exchange.services import Services
from cityledger.store import imports
from cityledger.store.imports import Job
from cityledger.types import DatasetId

IDLE_SECONDS = 1.0
"""The longest that a new job waits without a call of ``wake``."""
PAUSE_SECONDS = 5.0
"""The backoff of an import that the node cannot continue now: index stale, store full."""
AT_ONCE = 8
"""Imports open at a time; each needs some megabytes."""
NODE_FAILED = "the node failed on this file; its log has more"

_log = logging.getLogger(__name__)


class ImportRunner:
    """One thread calls ``run``; any may call ``wake``."""

    def __init__(self, services: Services, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._monotonic = monotonic
        self._began = datetime.now(UTC)
        self._job_added = threading.Event()
        self._runs: dict[str, ImportRun] = {}
        self._backoff_until: dict[DatasetId, float] = {}

    def wake(self) -> None:
        """Announces a new job."""
        self._job_added.set()

    def run(self, stop: threading.Event, is_leader: Callable[[], bool] = lambda: True) -> None:
        """Until ``stop`` is set; a chunk that has begun is finished. First of all removes files that an
        earlier process left. Imports only while ``is_leader`` says that this process is the leader."""
        self._sweep()
        while not stop.is_set():
            self._job_added.clear()
            try:
                busy = self.turn(stop) if is_leader() else self._drop_runs()
            except CityledgerError as error:
                _log.error("imports cannot be looked for error=%s", type(error).__name__)
                busy = False
            if not busy:
                self._job_added.wait(IDLE_SECONDS)

    def turn(self, stop: threading.Event | None = None) -> bool:
        """One chunk of each dataset's next import; returns whether any was taken."""
        busy = False
        for job in self._next_jobs():
            if stop is not None and stop.is_set():
                break
            busy = self._advance(job) or busy
        return busy

    def _drop_runs(self) -> bool:
        """Another process continues the imports, so the runs of this one are out of date."""
        self._runs.clear()
        return False

    def _sweep(self) -> None:
        try:
            sweep(self._services, written_before(self._began, self._services.database))
        except CityledgerError as error:
            _log.warning("files of imports left to the next start error=%s", type(error).__name__)

    def _next_jobs(self) -> list[Job]:
        with self._services.database.reading() as connection:
            waiting = imports.list_unfinished(connection)
        first: dict[DatasetId, Job] = {}
        hosted = self._services.keyring.agencies()
        for job in waiting:
            if job.key.agency in hosted:  # another node of the database has the keys of the others
                first.setdefault(job.key.dataset, job)
        now = self._monotonic()
        ready = [job for job in first.values() if self._backoff_until.get(job.key.dataset, now) <= now]
        return ready[:AT_ONCE]

    def _advance(self, job: Job) -> bool:
        try:
            run = self._runs.pop(job.id, None) or ImportRun(self._services, job)
            if run.step():
                self._runs[job.id] = run
            else:
                self._finish(job, None)
        except UnavailableError as error:
            _log.warning("import rests import=%s: %s", job.id, error)
            self._backoff_until[job.key.dataset] = self._monotonic() + PAUSE_SECONDS
            return False
        except CityledgerError as error:
            _log.info("import stopped import=%s error=%s", job.id, type(error).__name__)
            self._finish(job, str(error))
        except Exception as error:
            kind = type(error).__name__
            _log.error("import failed import=%s error=%s at=%s", job.id, kind, places_of(error))
            self._finish(job, NODE_FAILED)
        return True

    def _finish(self, job: Job, failure: str | None) -> None:
        now = self._services.clock.at()

        notes = Notes(self._services, job.key.agency, job.key.dataset)
        note = None if failure is None else notes.seal(failure)

        def work(connection: sa.Connection) -> None:
            imports.finish(connection, job.id, note, now)

        self._services.journal.run(work)
        if job.spooled is not None:
            self._services.objects.delete(job.spooled.object)
