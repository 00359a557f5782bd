"""Import requests: the options of a file, and the checks of who may see the state of an import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Query

from cityledger.api.context import NodeContext
from cityledger.api.http.paging import read_cursor, read_key_cursor, write_cursor, write_key_cursor
from cityledger.api.imports.wire import ImportRows, Imports, ImportView, import_row, import_view
from cityledger.api.signin.standing import verify_standing
from cityledger.errors import FieldError, InputError, NotFoundError
from cityledger.exchange.imports.jobs import (
    Order,
    get_import,
    list_import_rows,
    list_imports,
    receive_import,
)
from cityledger.exchange.imports.request import ImportRequest
from cityledger.formats.compression import Limits, unpacked
from cityledger.formats.options import ImportOptions
from cityledger.policy.rules import ROLE_NOT_HELD, denial
from cityledger.store.imports import Verdict
from cityledger.store.sessions.tokens import Session
from cityledger.strict_json import Json, parse
from cityledger.types import Role

MAX_COLUMNS_CHARACTERS = 8_192

FormatInQuery = Annotated[
    str,
    Query(
        alias="format", max_length=64, description="E.g. ndjson, csv, fhir, hmlr-price-paid", examples=["csv"]
    ),
]


def import_options(
    timezone: Annotated[
        str | None, Query(max_length=64, description="IANA zone of times without an offset")
    ] = None,
    observed_at: Annotated[
        str | None,
        Query(
            alias="observedAt",
            max_length=64,
            description="When the file was recorded, if its rows do not say so",
        ),
    ] = None,
    place: Annotated[
        str | None, Query(max_length=128, description="The place of the rows, if they do not name one")
    ] = None,
    capacity: Annotated[int | None, Query(ge=0, lt=2**31, description="Spaces of that place")] = None,
    crs: Annotated[str | None, Query(max_length=32, description="EPSG:n, GCJ-02 or BD-09")] = None,
    split: Annotated[
        str | None, Query(max_length=32, description="A record for each encounter or each resource")
    ] = None,
    upsert: Annotated[
        bool, Query(description="A change of an unknown id adds it; a deletion of one is ignored")
    ] = False,
    columns: Annotated[
        str | None,
        Query(max_length=MAX_COLUMNS_CHARACTERS, description='JSON: {"Occupancy": "the file\'s own name"}'),
    ] = None,
    skip_columns: Annotated[
        str | None,
        Query(
            alias="skipColumns",
            max_length=MAX_COLUMNS_CHARACTERS,
            description='JSON: ["a column of the file to leave out"]',
        ),
    ] = None,
    dry_run: Annotated[bool, Query(alias="dryRun", description="Check every row and write none")] = False,
) -> ImportRequest:
    """The options of an import in the query.

    Raises:
        FieldError: ``columns`` is not an object of texts, or ``skipColumns`` not an array of them.
    """
    options = ImportOptions(
        timezone=timezone,
        observed_at=observed_at,
        place=place,
        capacity=capacity,
        crs=crs,
        split=split,
        upsert=upsert,
        columns=_columns(columns),
        skip_columns=_skipped(skip_columns),
    )
    return ImportRequest(options, dry_run)


def receive_file(node: NodeContext, order: Order, body: Iterator[bytes]) -> tuple[ImportView, bool]:
    """The import of the file in ``body``, and whether the file was needed."""
    plain = unpacked(body, Limits(node.settings.import_limit_bytes))
    job, is_needed = receive_import(node.services, order, plain)
    node.imports.wake()
    return import_view(job), is_needed


def find_import(node: NodeContext, session: Session, id_: str) -> ImportView:
    """One import of the caller's agency.

    Raises:
        MisdirectedError: another node hosts the caller's agency.
        DeniedError: the caller is not a writer, or its session has ended.
        NotFoundError: no such import of the caller's agency.
    """
    _verify_writer(node, session)
    return import_view(get_import(node.services, session.agency, id_))


def page_of_imports(node: NodeContext, session: Session, after: str | None, limit: int) -> Imports:
    """A page of the imports of the caller's agency. A cursor contains the id of the last import: its place in
    the order of arrival would disclose how many files of other agencies arrived.

    Raises: as ``find_import``, but NotFoundError, and
        FieldError: not a cursor of this node for this agency.
    """
    _verify_writer(node, session)
    key = read_key_cursor(after, 16)
    try:
        jobs = list_imports(node.services, session.agency, None if key is None else key.hex(), limit + 1)
    except NotFoundError:
        raise FieldError("after", "is not a cursor of this node") from None
    following = write_key_cursor(bytes.fromhex(jobs[limit - 1].id)) if len(jobs) > limit else None
    return Imports(imports=[import_view(job) for job in jobs[:limit]], next=following)


def page_of_rows(
    node: NodeContext, session: Session, id_: str, verdict: Verdict, after: str | None, limit: int
) -> ImportRows:
    """A page of an import's rows with a verdict.

    Raises: as ``find_import``, and
        FieldError: not a cursor of this node.
    """
    _verify_writer(node, session)
    rows = list_import_rows(node.services, session.agency, id_, verdict, read_cursor(after), limit)
    following = write_cursor((rows[-1].row_no, rows[-1].ordinal)) if len(rows) == limit else None
    return ImportRows(rows=[import_row(row) for row in rows], next=following)


def _columns(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    names = _json(text, "columns")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise FieldError("columns", "must be a JSON object of texts")
    return {expected: str(own) for expected, own in names.items()}


def _skipped(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = _json(text, "skipColumns")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FieldError("skipColumns", "must be a JSON array of texts")
    return tuple(map(str, names))


def _json(text: str, field: str) -> Json:
    try:
        return parse(text.encode(), max_bytes=4 * MAX_COLUMNS_CHARACTERS)
    except InputError as error:
        raise FieldError(field, f"is not JSON: {error.reason}") from None


def _verify_writer(node: NodeContext, session: Session) -> None:
    node.services.verify_hosted(session.agency)
    verify_standing(node.services, session)
    if session.role is not Role.WRITER:
        raise denial(ROLE_NOT_HELD)
