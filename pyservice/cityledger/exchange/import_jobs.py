"""Takes files to import, and tells their senders how far they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.errors import ConflictError, FieldError, NotFoundError, UnknownOutcomeError
from cityledger.exchange.import_request import Asked, asked_to_json, caller_to_json, verify_options
from cityledger.exchange.services import Intent, Services, Target
from cityledger.exchange.spooling import Received, spool
from cityledger.exchange.submit import allow
from cityledger.formats import registry as formats
from cityledger.formats.rows import Format
from cityledger.store import imports
from cityledger.store.imports import Job, JobKey, JobState, ListedRow, Verdict
from cityledger.store.index import Dataset
from cityledger.store.tokens import Session
from cityledger.types import AgencyId, DatasetId

WAITING_LIMIT_BYTES = 17_179_869_184
"""Of files of one agency that wait or run. A packed file rests unpacked, at up to 200 times its size, so that
without it one sender could soon fill a disk that all share."""


@dataclass(frozen=True, slots=True)
class Order:
    """A permitted import whose file is still to come."""

    dataset: Dataset
    format: Format
    asked: Asked


def order_import(
    services: Services, session: Session, intent: Intent, dataset: DatasetId, format_: str, asked: Asked
) -> Order:
    """Decides before a byte of the file is taken.

    Raises:
        DeniedError: after a receipt of the denial is durable.
        FieldError: no such format, not of the dataset's profile, or an option that it does not take.
        ConflictError: as much of this agency waits as may.
    """
    ruling = allow(services, session, intent, Target(dataset))
    _verify_room(services, session.agency)
    services.keys_of(ruling.dataset.provider)
    found = _format(format_, ruling.dataset.profile)
    verify_options(found, asked.options)
    return Order(ruling.dataset, found, asked)


def receive_import(
    services: Services, session: Session, intent: Intent, order: Order, chunks: Iterable[bytes]
) -> tuple[Job, bool]:
    """The job of the file, durable and waiting for its turn; and whether the file is needed.

    A file that was imported before is the job that it was. One that was stopped goes on where it was.

    Raises: as ``order_import`` and ``spool``.
    """
    dataset = order.dataset
    received = spool(services, dataset.provider, dataset.dataset, chunks)
    options = asked_to_json(order.asked)
    key = JobKey(session.agency, dataset.dataset, received.content, order.format.name, options)
    try:
        ruling = allow(services, session, intent, Target(dataset.dataset))  # an upload may take hours
        now, caller, id_ = ruling.answers[0].query.at, caller_to_json(session, intent), _new_id(services)
        job, is_needed = services.journal.run(lambda c: _enter(c, id_, key, received, caller, now))
    except UnknownOutcomeError:
        raise  # the job may be there and need its file; if it is not, the file is swept
    except BaseException:
        services.objects.delete(received.spooled.object)
        raise
    if not is_needed:
        services.objects.delete(received.spooled.object)
    return job, is_needed


def get_import(services: Services, agency: AgencyId, id_: str) -> Job:
    """
    Raises:
        NotFoundError: no such import, or another agency's.
    """
    with services.database.reading() as connection:
        job = imports.find_job(connection, id_)
    if job is None or job.key.agency != agency:
        raise NotFoundError("import")
    return job


def list_imports(services: Services, agency: AgencyId, limit: int) -> list[Job]:
    """The newest imports of an agency, newest first."""
    with services.database.reading() as connection:
        return imports.list_jobs(connection, agency, limit)


def list_import_rows(
    services: Services, agency: AgencyId, id_: str, verdict: Verdict, after: tuple[int, int], limit: int
) -> list[ListedRow]:
    """Rows of an import with a verdict, in the order of the file.

    Raises: as ``get_import``.
    """
    get_import(services, agency, id_)
    with services.database.reading() as connection:
        return imports.list_rows(connection, id_, verdict, after, limit)


def _verify_room(services: Services, agency: AgencyId) -> None:
    with services.database.reading() as connection:
        jobs = imports.list_unfinished(connection)
    if sum(job.content_bytes for job in jobs if job.key.agency == agency) >= WAITING_LIMIT_BYTES:
        raise ConflictError("too much of this agency waits to be imported; send the file when some is done")


def _enter(
    connection: sa.Connection, id_: str, key: JobKey, received: Received, caller: str, now: int
) -> tuple[Job, bool]:
    job = imports.find_job_of(connection, key)
    if job is not None and job.state is not JobState.STOPPED:
        return job, False
    if job is None:
        imports.add_job(connection, id_, key, received.spooled, caller, now)
    else:
        imports.restart(connection, job.id, received.spooled, caller)
    entered = imports.find_job(connection, id_ if job is None else job.id)
    assert entered is not None
    return entered, True


def _new_id(services: Services) -> str:
    return services.random_bytes(16).hex()


def _format(name: str, profile: str) -> Format:
    if name in formats.names() and (found := formats.get(name)).profile in (None, profile):
        return found
    told = ", ".join(one.name for one in formats.of_profile(profile))
    raise FieldError("format", f"is not one for profile {profile}; those are {told}")
