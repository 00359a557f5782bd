"""``cityledger record get``, ``find``, ``history`` and ``proof``: reads at a node."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cityledger.cli.arguments import bytes32, finite_duration
from cityledger.cli.client_options import (
    CaseOption,
    CredentialsOption,
    DatasetArgument,
    NodeOption,
    PurposeOption,
    RecordArgument,
    TokenOption,
    WaitOption,
    access_context,
    connected,
    dataset_named,
)
from cityledger.cli.output import JsonOption, note, print_fields, print_rows
from cityledger.cli.record.part import write_part

VersionOption = Annotated[
    int | None, typer.Option("--version", min=1, help="Another than the newest version.")
]
PartsOption = Annotated[
    list[str] | None, typer.Option("--part", help="Only this part; may be given several times.")
]


def get(
    dataset: DatasetArgument,
    record: RecordArgument,
    purpose: PurposeOption,
    case: CaseOption = "",
    version: VersionOption = None,
    part: PartsOption = None,
    raw: Annotated[bool, typer.Option("--raw", help="Print one part's bytes exactly as written.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", help="Write one part, of any length, to this file.")
    ] = None,
    fhir: Annotated[
        bool, typer.Option("--fhir", help="Print the FHIR resources exactly as written.")
    ] = False,
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a record, which your own node opens; the read leaves a receipt.

    Example: `cityledger record get HEALTH/treatment/outpatient/visits visit-12 --purpose TREATMENT
    --case "bed 7" --part summary`

    Binary parts go to a file: `--part attachment --output scan.pdf`
    """
    if output is not None:
        if part is None or len(part) != 1 or raw or fhir:
            raise typer.BadParameter("--output writes one part: name it with --part, without --raw or --fhir")
        context = access_context(purpose, case)
        with connected(node, credentials, token) as client:
            place = dataset_named(client, dataset)
            write_part(client, place, record, part[0], context, output, version=version, as_json=as_json)
        return
    if raw and (part is None or len(part) != 1):
        raise typer.BadParameter("--raw prints one part: name it with --part")
    if fhir and (raw or as_json):
        raise typer.BadParameter("--fhir cannot be combined with --raw or --json")
    context = access_context(purpose, case)
    with connected(node, credentials, token) as client:
        place = dataset_named(client, dataset)
        if fhir:
            _print_bytes(client.get_fhir(place, record, context, version=version, parts=part).data)
            return
        found = client.get_record(place, record, context, version=version, parts=part)
    if raw and part:
        _print_bytes(found.parts.get(part[0], b""))
        return
    fields: dict[str, object] = {
        "record": found.record,
        "version": found.version,
        "subjects": list(found.subjects),
    }
    if found.attachments:
        fields["attachments"] = {name: one.bytes for name, one in found.attachments.items()}
    if as_json:
        _print_spliced({**fields, "receipts": list(found.receipts)}, found.parts)
        return
    shown = {f"part {name}": payload.decode() for name, payload in found.parts.items()}
    print_fields({**fields, "receipts": list(found.receipts), **shown}, as_json=False)


def find(
    dataset: DatasetArgument,
    purpose: PurposeOption,
    subject: Annotated[str | None, typer.Option(help="Whose records: 0x-hex.")] = None,
    record: Annotated[str | None, typer.Option("--id", help="The provider's own id.")] = None,
    identifier: Annotated[
        str | None, typer.Option(metavar="SYSTEM|VALUE", help="A business identifier that it carries.")
    ] = None,
    case: CaseOption = "",
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest versions of a subject's records, of one record, or of those with an identifier.

    They are listed as far as you may know of them, all pages of the node's answer; each page leaves receipts.

    Example: `cityledger record find HEALTH/treatment/outpatient/visits --purpose OWN_DUTY
    --identifier "http://hospital.example/visits|V-2041"`
    """
    from cityledger.types import SubjectId

    if [subject, record, identifier].count(None) != 2:
        raise typer.BadParameter("say what to look for by exactly one of --subject, --id and --identifier")
    whose = None if subject is None else SubjectId(bytes32(subject))
    called = None if identifier is None else _identifier(identifier)
    with connected(node, credentials, token) as client:
        context, place = access_context(purpose, case), dataset_named(client, dataset)
        found = client.find(place, context, subject=whose, record=record, identifier=called)
    rows = [{"record": one.record, "version": one.version, "writtenAt": one.written_at} for one in found]
    print_rows(rows, ["record", "version", "writtenAt"], as_json=as_json)


def history(
    dataset: DatasetArgument,
    record: RecordArgument,
    purpose: PurposeOption,
    case: CaseOption = "",
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every version of a record and how far its batch has come: open, closed, signed, mined, final.

    Example: `cityledger record history LAND/registration/real-estate/titles title-7 --purpose OWN_DUTY`
    """
    with connected(node, credentials, token) as client:
        versions = client.history(dataset_named(client, dataset), record, access_context(purpose, case))
    rows = [
        {
            "version": one.version,
            "state": "open" if one.state is None else one.state,
            "erased": one.erased,
            "withdrawn": one.withdrawn,
            "isHead": one.is_head,
            "writtenAt": one.written_at,
            "leafHash": one.leaf_hash,
        }
        for one in versions
    ]
    columns = ["version", "state", "isHead", "erased", "withdrawn", "writtenAt", "leafHash"]
    print_rows(rows, columns, as_json=as_json)


def proof(
    dataset: DatasetArgument,
    record: RecordArgument,
    purpose: PurposeOption,
    out: Annotated[Path | None, typer.Option(help="File to write.  [default: stdout]")] = None,
    case: CaseOption = "",
    version: VersionOption = None,
    with_openings: Annotated[
        bool, typer.Option("--with-openings", help="So that payloads can be checked with it; this is a read.")
    ] = False,
    wait: WaitOption = "0",
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
) -> None:
    """Fetch the proof file of a version and check it; `cityledger verify` checks it against the chain.

    Example: `cityledger record proof LAND/registration/real-estate/titles title-7 --purpose OWN_DUTY
    --out title-7.proof.json --with-openings --wait 2m`
    """
    from cityledger.cli.record.wait import fetch_when_anchored

    patience = finite_duration(wait)
    with connected(node, credentials, token) as client:
        context = access_context(purpose, case)
        where = dataset_named(client, dataset)
        file = fetch_when_anchored(
            lambda: client.proof(where, record, context, version=version, openings=with_openings), patience
        )
    if out is None:
        _print_bytes(file.data)
        return
    out.write_bytes(file.data)
    payload = " --payload PART=FILE" if with_openings else ""
    note(f"next: cityledger verify {out}{payload} --rpc URL --manifest FILE")


def _print_bytes(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _identifier(text: str) -> tuple[str, str]:
    system, bar, value = text.partition("|")
    if not (system and bar and value):
        raise typer.BadParameter("--identifier is SYSTEM|VALUE, as in http://hospital.example/visits|V-2041")
    return system, value


def _print_spliced(fields: dict[str, object], parts: object) -> None:
    """The record as JSON with each part exactly as it was written: 6.10 stays 6.10."""
    import msgspec

    from cityledger.cli.output import plain

    raw = {name: msgspec.Raw(payload) for name, payload in dict(parts).items()}  # type: ignore[call-overload]
    print(msgspec.json.encode({**plain(fields), "parts": raw}).decode())
