"""Receives files to import, and reports their progress to their senders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

import sqlalchemy as sa

from cityledger.errors import (
    ConflictError,
    FieldError,
    NotFoundError,
    UnknownOutcomeError,
    VaultKeyRotatedError,
)
from cityledger.exchange.access import Access
from cityledger.exchange.decisions import Ruling
from cityledger.exchange.imports.notes import Notes, OpenedJob, opened
from cityledger.exchange.imports.outcomes import Tallies
from cityledger.exchange.imports.request import ImportRequest, caller_to_json, request_to_json, verify_options
from cityledger.exchange.imports.spool import content_with, spool, wrap_again
from cityledger.exchange.permits import Permit, request_permit, write_permitted
from cityledger.exchange.services import Services
from cityledger.formats import registry as formats
from cityledger.formats.rows import ROW_FAILED, Format
from cityledger.store import dataset_writes, imports
from cityledger.store.imports import Job, JobKey, JobState, ListedRow, NewJob, Verdict
from cityledger.store.index.queries import Dataset
from cityledger.store.records.vault_floors import verify_epochs
from cityledger.types import Action, AgencyId, DatasetId

WAITING_LIMIT_BYTES = 17_179_869_184
"""Of files of one agency that wait or run. A packed file is stored unpacked, at up to 200 times its size, so
that without this limit one sender could soon fill a disk that all share."""


@dataclass(frozen=True, slots=True)
class Order:
    """A permitted import whose file is still to come."""

    permit: Permit
    format: Format
    request: ImportRequest

    @property
    def dataset(self) -> Dataset:
        return self.permit.dataset


def order_import(services: Services, access: Access, format_: str, request: ImportRequest) -> Order:
    """Decides before a byte of the file is read.

    Raises:
        DeniedError: after a receipt of the denial is durable.
        FieldError: no such format, not of the dataset's profile, or an option that it does not support.
        ConflictError: the agency has reached its limit of waiting files.
    """
    permit = request_permit(services, access)
    permit.verify_action(Action.WRITE)
    _verify_room(services, access.session.agency)
    services.keys_of(permit.dataset.provider)
    found = _format(format_, permit.dataset.profile)
    verify_options(found, request.options)
    return Order(permit, found, request)


def receive_import(services: Services, order: Order, chunks: Iterable[bytes]) -> tuple[OpenedJob, bool]:
    """The job of the file, durable and waiting for its turn; and whether the file is needed.

    A file that waits or runs already is that job, and one that was stopped resumes where it was, unless
    another file came after it. A file that was imported before is imported again, unless nothing was written
    to the dataset since: then it is a repeat, which is done at once and writes nothing.

    An upload may take hours, so the write is decided again in the transaction that stores the job.

    Raises: as ``spool`` and ``write_permitted``; nothing is left behind.
    """
    dataset, access = order.dataset, order.permit.access
    notes = Notes(services, dataset.provider, dataset.dataset)
    received = spool(services, dataset.provider, dataset.dataset, chunks)
    options = request_to_json(order.request)
    same = content_with(services, dataset.provider, received.content, order.format.name, options)
    key = JobKey(access.session.agency, dataset.dataset, same, order.format.name)
    caller = notes.seal(caller_to_json(access.session, access.intent))
    try:
        id_, now = _new_id(services), order.permit.ruling.at
        new = NewJob(id_, key, received.spooled, notes.seal(options), caller, now)
        job, is_needed = _entered(services, order.permit, new)
    except UnknownOutcomeError:
        raise  # the job may be there and need its file; if it is not, the file is swept
    except BaseException:
        services.objects.delete(received.spooled.object)
        raise
    if not is_needed:
        services.objects.delete(received.spooled.object)
    return opened(services, job), is_needed


def get_import(services: Services, agency: AgencyId, id_: str) -> OpenedJob:
    """
    Raises:
        NotFoundError: no such import, or another agency's.
    """
    with services.database.reading() as connection:
        job = imports.find_job(connection, id_)
    if job is None or job.key.agency != agency:
        raise NotFoundError("import")
    return opened(services, job)


def list_imports(services: Services, agency: AgencyId, after: str | None, limit: int) -> list[OpenedJob]:
    """The newest imports of an agency, newest first; those that come after the id ``after`` in that order.

    Raises:
        NotFoundError: the agency has no import of that id.
    """
    with services.database.reading() as connection:
        last = None if after is None else imports.find_job(connection, after)
        if after is not None and (last is None or last.key.agency != agency):
            raise NotFoundError("import")
        jobs = imports.list_jobs(connection, agency, last, limit)
    return [opened(services, job) for job in jobs]


def list_import_rows(
    services: Services, agency: AgencyId, id_: str, verdict: Verdict, after: tuple[int, int], limit: int
) -> list[ListedRow]:
    """Rows of an import with a verdict, in the order of the file.

    Raises: as ``get_import``.
    """
    key = get_import(services, agency, id_).key
    notes = Notes(services, key.agency, key.dataset)
    with services.database.reading() as connection:
        return imports.list_rows(connection, id_, verdict, after, limit, notes.open)


def _verify_room(services: Services, agency: AgencyId) -> None:
    with services.database.reading() as connection:
        jobs = imports.list_unfinished(connection)
    if sum(job.content_bytes for job in jobs if job.key.agency == agency) >= WAITING_LIMIT_BYTES:
        raise ConflictError("too much of this agency waits to be imported; send the file when some is done")


def _entered(services: Services, permit: Permit, new: NewJob) -> tuple[Job, bool]:
    """The job of the file, and whether the file is needed: in one transaction, and once more where the vault
    key was rotated since.
    """
    dataset = permit.dataset
    try:
        return write_permitted(services, permit, partial(_enter, new))
    except VaultKeyRotatedError:
        services.follow_rotation(dataset.provider)
    again = replace(new, spooled=wrap_again(services, dataset.provider, dataset.dataset, new.spooled))
    return write_permitted(services, permit, partial(_enter, again))


def _enter(new: NewJob, connection: sa.Connection, ruling: Ruling) -> tuple[Job, bool]:
    new = replace(new, now=ruling.at)
    verify_epochs(connection, new.key.agency, [new.spooled.wrapped])
    earlier = imports.find_newest_of(connection, new.key)
    last = _last_waiting(connection, new.key.dataset)
    if earlier is not None and last == earlier.id:
        return earlier, False  # under way, and nothing came after it
    if earlier is None or last is not None or (_has_begun(earlier) and _has_moved(connection, earlier)):
        imports.add_job(connection, new)
        return _stored(connection, new.id), True
    if earlier.state is JobState.STOPPED:
        imports.restart(connection, earlier.id, new.spooled, new.caller)
        return _stored(connection, earlier.id), True
    imports.add_repeat(connection, new, earlier)
    return _stored(connection, new.id), False


def _last_waiting(connection: sa.Connection, dataset: DatasetId) -> str | None:
    """The last job of a dataset that waits or runs."""
    ids = [job.id for job in imports.list_unfinished(connection) if job.key.dataset == dataset]
    return ids[-1] if ids else None


def _has_begun(earlier: Job) -> bool:
    return earlier.state is not JobState.STOPPED or earlier.cursor.rows > 0


def _has_moved(connection: sa.Connection, earlier: Job) -> bool:
    """Returns whether the import could change something now: others have written to the dataset since or
    between its rows, or the node failed on one of its rows.
    """
    failed = Tallies.from_json(earlier.cursor.tallies).reasons[ROW_FAILED]
    return bool(failed) or earlier.cursor.writes != dataset_writes.count_of(connection, earlier.key.dataset)


def _stored(connection: sa.Connection, id_: str) -> Job:
    found = imports.find_job(connection, id_)
    assert found is not None
    return found


def _new_id(services: Services) -> str:
    return services.random_bytes(16).hex()


def _format(name: str, profile: str) -> Format:
    if name in formats.names() and (found := formats.get(name)).profile in (None, profile):
        return found
    accepted = ", ".join(one.name for one in formats.of_profile(profile))
    raise FieldError("format", f"is not one for profile {profile}; those are {accepted}")
