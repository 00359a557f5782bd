"""``cityledger record import``: a file of records, sent to the node and followed to its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cityledger.cli.arguments import opened
from cityledger.cli.client_options import (
    CaseOption,
    CredentialsOption,
    NodeOption,
    PurposeOption,
    TokenOption,
    access_context,
    connected,
    dataset_named,
)
from cityledger.cli.output import EXIT_ERROR, JsonOption, note, print_fields, print_rows
from cityledger.cli.record.import_progress import following, sending

if TYPE_CHECKING:
    from cityledger.client import Client
    from cityledger.client.forms.imports import Import
    from cityledger.formats.options import ImportOptions

SHOWN_ROWS = 20
"""Rejected rows that are printed without --json."""

DatasetArgument = Annotated[
    str | None,
    typer.Argument(metavar="DATASET", help="PARKING/traffic/parking/states, or its 0x-hex id."),
]
FileArgument = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="The file, plain or gzip; - is stdin.")
]
ColumnOption = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="EXPECTED=OWN", help="The file's own name of a column; repeatable."),
]
SkipColumnOption = Annotated[
    list[str] | None,
    typer.Option("--skip-column", metavar="NAME", help="A column of the file to leave out; repeatable."),
]


def import_(
    dataset: DatasetArgument = None,
    file: FileArgument = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="How the file is written; see above.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="medical, property or parking: lists its formats.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row and write none.")] = False,
    upsert: Annotated[
        bool,
        typer.Option("--upsert", help="A change of an unknown id adds it; a deletion of one is skipped."),
    ] = False,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of times without an offset, e.g. Europe/London.")
    ] = None,
    observed_at: Annotated[
        str | None, typer.Option(help="When a file that says nothing of it was taken, with offset.")
    ] = None,
    place: Annotated[str | None, typer.Option(help="The place that a file without one is about.")] = None,
    capacity: Annotated[int | None, typer.Option(min=0, help="Spaces of that place.")] = None,
    crs: Annotated[
        str | None, typer.Option(help="Of a file that does not say: EPSG:25832, GCJ-02 or BD-09.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Of a FHIR Bundle: a record for each encounter or each resource.")
    ] = None,
    column: ColumnOption = None,
    skip_column: SkipColumnOption = None,
    resume: Annotated[
        str | None, typer.Option(metavar="ID", help="Follow an import that was begun before.")
    ] = None,
    status: Annotated[str | None, typer.Option(metavar="ID", help="Tell how far an import is.")] = None,
    purpose: PurposeOption = "OWN_DUTY",
    case: CaseOption = "",
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import a file of records and report the outcome of each row. Exit code 1 if rows were rejected.

    The node takes the file whole and imports it in the background: Ctrl-C, a lost connection or a restart of
    the node loses nothing. A file sent again while nothing was written to the dataset since is a repeat,
    which writes nothing; otherwise it is imported again, and rows that change nothing are unchanged.

    Example: `cityledger record import HEALTH/treatment/outpatient/visits bundle.json.gz --format fhir`

    Example: `cityledger record import LAND/registration/real-estate/titles 2025-04.csv
    --format hmlr-price-paid`

    Example: `cityledger record import PARKING/traffic/parking/states birmingham.csv
    --format birmingham-occupancy --timezone Europe/London --dry-run`

    Formats of every profile: `ndjson` (lines of `{"id", "act", "subjects", "parts"}`), `csv` (columns `id`,
    `act`, `subject.system`, `subject.value`, `title.address.street` …). medical: `fhir`, `fhir-ndjson`.
    property: `hmlr-price-paid`, `hdb-resale`, `tw-lvr`. parking: `birmingham-occupancy`,
    `dresden-occupancy`, `dresden-lots`, `melbourne-bays`, `melbourne-signs`, `freiburg`, `konstanz`, `vrn`,
    `pbw`, `ulm-sites`, `ulm-spots`, `ngsi-ld`, `cds`.
    """
    known = resume or status
    if known is not None:
        if dataset is not None or (resume and status):
            raise typer.BadParameter("give DATASET and FILE, or --resume ID, or --status ID")
        with connected(node, credentials, token) as client:
            found = client.get_import(known) if status else _followed(client, client.get_import(known))
            _tell(client, found, as_json=as_json)
        return
    if dataset is None or file is None:
        raise typer.BadParameter("give DATASET and FILE, or --resume ID, or --status ID")
    named = _format_named(format_, profile)
    options = _options(
        timezone=timezone,
        observed_at=observed_at,
        place=place,
        capacity=capacity,
        crs=crs,
        split=split,
        upsert=upsert,
        columns=_columns(column or []),
        skip_columns=tuple(skip_column or ()),
    )
    with connected(node, credentials, token) as client:
        context = access_context(purpose, case)
        target = dataset_named(client, dataset)
        with opened(file) as stream, sending(_size(file)) as sent:
            begun = client.start_import(
                target, stream, named, options, dry_run=dry_run, context=context, sent=sent
            )
        _tell(client, _followed(client, begun), as_json=as_json)


def _options(**given: Any) -> ImportOptions:
    from cityledger.formats.options import ImportOptions

    return ImportOptions(**given)


def _format_named(name: str | None, profile: str | None) -> str:
    """The format that was named; it is never guessed from the file."""
    from cityledger.formats import registry
    from cityledger.profiles import registry as profiles

    if profile is not None and profile not in profiles.names():
        raise typer.BadParameter(f"no such profile; there are {', '.join(profiles.names())}")
    of_profile = registry.names() if profile is None else [one.name for one in registry.of_profile(profile)]
    if name is not None and name in of_profile:
        return name
    message = f"--format {name!r} is none of" if name else "say with --format how the file is written: one of"
    whose = "" if profile is None else f" (profile {profile})"
    raise typer.BadParameter(f"{message} {', '.join(of_profile)}{whose}")


def _columns(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if not all(expected and own for expected, _, own in pairs):
        raise typer.BadParameter("--column is EXPECTED=OWN, e.g. Occupancy=Occupied")
    return {expected: own for expected, _, own in pairs}


def _followed(client: Client, begun: Import) -> Import:
    if begun.is_finished:
        return begun
    try:
        with following(begun) as progress:
            return client.wait_import(begun.id, progress)
    except KeyboardInterrupt:
        note(f"the import continues at the node; to follow it: cityledger record import --resume {begun.id}")
        raise typer.Exit(EXIT_ERROR) from None


def _tell(client: Client, found: Import, *, as_json: bool) -> None:
    """A table of outcomes, reasons and flags; the exit code says whether all is well."""
    rejected = found.outcomes.get("rejected", 0)
    if as_json:
        _tell_json(client, found)
    else:
        _tell_tables(client, found)
    if found.state == "stopped":
        note(f"stopped: {found.failure}\nnext: fix the cause and send the same file again; it resumes there")
    if rejected or found.state == "stopped":
        raise typer.Exit(EXIT_ERROR)


def _tell_json(client: Client, found: Import) -> None:
    from cityledger.client.wire import json_of

    rows = {
        verdict: [json_of(row) for row in client.import_rows(found.id, verdict)]
        for verdict in ("rejected", "flagged", "duplicate")
    }
    print_fields({**json_of(found), "rows": rows}, as_json=True)


def _tell_tables(client: Client, found: Import) -> None:
    if found.note is not None:
        note(f"{found.note}\nits rows: cityledger record import --resume {found.repeat_of}")
        print_fields({"import": found.id, "state": "repeat", "repeat of": found.repeat_of}, as_json=False)
        return
    state = f"{found.state}, dry run: nothing was written" if found.dry_run else found.state
    print_fields({"import": found.id, "state": state, "rows": found.rows_done}, as_json=False)
    counted = [
        {"what": what, "name": name, "rows": count}
        for what, counts in (
            ("outcome", found.outcomes),
            ("reason", found.reasons),
            ("flag", found.flags),
        )
        for name, count in counts.items()
    ]
    print_rows(counted, ["what", "name", "rows"], as_json=False)
    for number, row in enumerate(client.import_rows(found.id)):
        if number == SHOWN_ROWS:
            note("more rejected rows: --json lists all")
            break
        note(f"row {row.row}: {row.field or 'the whole row'}: {row.reason}")


def _size(file: Path) -> int | None:
    return None if str(file) == "-" else file.stat().st_size
