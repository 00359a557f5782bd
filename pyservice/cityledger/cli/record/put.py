"""``cityledger record put``: one record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.arguments import opened
from cityledger.cli.client_options import (
    CaseOption,
    CredentialsOption,
    DatasetArgument,
    NodeOption,
    PurposeOption,
    RecordArgument,
    TokenOption,
    access_context,
    connected,
    dataset_named,
)
from cityledger.cli.output import JsonOption, print_fields
from cityledger.cli.record.import_progress import sending

if TYPE_CHECKING:
    from cityledger.client import AccessContext, Client
    from cityledger.client.answers import Written
    from cityledger.types import DatasetId

MAX_RECORD_BYTES = 8_388_608
"""As much as a node takes by default (``record_limit_bytes``)."""

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The record as JSON; - is stdin.")]


def put(
    dataset: DatasetArgument,
    record: RecordArgument,
    file: FileArgument,
    expect: Annotated[
        int | None, typer.Option(min=0, help="The newest version that you know; 0: there must be none.")
    ] = None,
    fhir: Annotated[
        bool, typer.Option("--fhir", help="The file is a FHIR resource, or a Bundle of type collection.")
    ] = False,
    attach: Annotated[
        list[str] | None,
        typer.Option(metavar="PART=FILE", help="A binary part, of any length; repeatable."),
    ] = None,
    purpose: PurposeOption = "OWN_DUTY",
    case: CaseOption = "",
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the next version of a record; `cityledger record import` writes many.

    Example: `cityledger record put LAND/registration/real-estate/titles title-7 title-7.json`

    The file holds `{"subjects": ["0x…"], "parts": {"title": {…}}}`; `subjects` may be left out. Parts are
    kept byte for byte. With --fhir it holds FHIR R4, whose resources go into the parts of their types.
    Binary parts come from files of their own: `--attach attachment=scan.pdf`.
    """
    files = attached(attach or [])
    if fhir and files:
        raise typer.BadParameter("--attach goes with a record as JSON, not with --fhir")
    with opened(file) as stream:
        data = stream.read(MAX_RECORD_BYTES + 1)
    context = access_context(purpose, case)
    with connected(node, credentials, token) as client:
        place = dataset_named(client, dataset)
        if fhir:
            written = client.put_fhir(place, record, data, context=context, expected_version=expect)
        else:
            written = _put_json(client, place, record, data, context, expect, files)
    print_fields(
        {
            "record": written.record,
            "version": written.version,
            "log": written.log,
            "seq": written.seq,
            "leafHash": written.leaf_hash,
        },
        as_json=as_json,
    )


def _put_json(
    client: Client,
    dataset: DatasetId,
    record: str,
    data: bytes,
    context: AccessContext,
    expect: int | None,
    files: Mapping[str, Path],
) -> Written:
    from cityledger.profiles.record_body import parse_body

    body = parse_body(data, max_bytes=MAX_RECORD_BYTES)
    with sending(_size(files)) as sent:
        return client.put_record(
            dataset,
            record,
            body.parts,
            subjects=body.subjects,
            context=context,
            attachments=files,
            expected_version=expect,
            sent=sent,
        )


def attached(given: list[str]) -> dict[str, Path]:
    """The files of ``--attach PART=FILE``.

    Raises:
        typer.BadParameter: another form, a part given twice, or a file that is not there.
    """
    files: dict[str, Path] = {}
    for one in given:
        name, _, file = one.partition("=")
        if not name or not file or name in files:
            raise typer.BadParameter("--attach is PART=FILE, each part once, e.g. attachment=scan.pdf")
        if not Path(file).is_file():
            raise typer.BadParameter(f"--attach: {file} is not a file")
        files[name] = Path(file)
    return files


def _size(files: Mapping[str, Path]) -> int:
    return sum(file.stat().st_size for file in files.values())
