"""``cityledger record put``: one record, or a file of them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from cityledger.cli.node_access import (
    CaseOption,
    CredentialsOption,
    DatasetArgument,
    NodeOption,
    PurposeOption,
    TokenOption,
    connected,
    dataset_named,
    stated,
)
from cityledger.cli.output import EXIT_ERROR, JsonOption, note, print_fields, progress
from cityledger.errors import ConfigurationError, ConflictError, InputError

if TYPE_CHECKING:
    from cityledger.client import Client, Reason
    from cityledger.profiles.record_body import Line, RejectedLine
    from cityledger.types import DatasetId

MAX_RECORD_BYTES = 1_048_576

IdArgument = Annotated[
    str | None, typer.Argument(metavar="[RECORD]", help="The provider's own id; not with --ndjson.")
]
FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="The record as JSON; - is stdin. Not with --ndjson.")
]
NdjsonOption = Annotated[
    Path | None, typer.Option("--ndjson", help="A file of records, one a line, each with its id; - is stdin.")
]


def put(
    dataset: DatasetArgument,
    record: IdArgument = None,
    file: FileArgument = None,
    ndjson: NdjsonOption = None,
    expect: Annotated[
        int | None, typer.Option(min=0, help="The newest version that you know; 0: there must be none.")
    ] = None,
    purpose: PurposeOption = "OWN_DUTY",
    case: CaseOption = "",
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the next version of a record, or of many.

    Example: `cityledger record put LAND/registration/real-estate/titles title-7 title-7.json`

    The file holds `{"subjects": ["0x…"], "parts": {"title": {…}}}`; `subjects` may be left out. Parts are
    kept byte for byte. With --ndjson each line holds that and the `"id"`; a line that is refused is told
    with its number, field and reason, the others are written, and the exit code is 1. The same --ndjson
    file, put again within a day, writes nothing twice; a single file is a new version each time.
    """
    if (ndjson is None) == (record is None or file is None) or (ndjson is not None and record is not None):
        raise typer.BadParameter("give RECORD and FILE, or --ndjson FILE")
    if ndjson is not None and expect is not None:
        raise typer.BadParameter("--expect is about one record")
    reason = stated(purpose, case, None)
    with connected(node, credentials, token) as client:
        target = dataset_named(client, dataset)
        if ndjson is not None:
            _put_lines(client, target, ndjson, reason, as_json)
        else:
            _put_one(client, target, record or "", file or Path("-"), reason, expect, as_json)


def _put_one(
    client: Client,
    dataset: DatasetId,
    record: str,
    file: Path,
    reason: Reason,
    expect: int | None,
    as_json: bool,
) -> None:
    from cityledger.profiles.record_body import parse_body

    with _opened(file) as stream:
        body = parse_body(stream.read(MAX_RECORD_BYTES + 1), max_bytes=MAX_RECORD_BYTES)
    written = client.put_record(
        dataset, record, body.parts, subjects=body.subjects, reason=reason, expected_version=expect
    )
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


def _put_lines(client: Client, dataset: DatasetId, file: Path, reason: Reason, as_json: bool) -> None:
    from cityledger.profiles.record_body import RejectedLine, parse_lines

    rejected: list[dict[str, object]] = []
    written = 0
    with _opened(file) as stream, progress("writing", _line_count(file)) as step:
        for line in parse_lines(stream, max_line_bytes=MAX_RECORD_BYTES):
            refused = line if isinstance(line, RejectedLine) else _put_line(client, dataset, line, reason)
            if refused is None:
                written += 1
            else:
                rejected.append({"line": refused.line_no, "field": refused.field, "reason": refused.reason})
                note(f"line {refused.line_no}: {refused.field or 'the whole line'}: {refused.reason}")
            step(f"{written} written")
    print_fields({"written": written, "rejected": rejected if as_json else len(rejected)}, as_json=as_json)
    if rejected:
        raise typer.Exit(EXIT_ERROR)


def _put_line(client: Client, dataset: DatasetId, line: Line, reason: Reason) -> RejectedLine | None:
    """What was wrong with the line; denials and failures of the node end the whole run instead."""
    from cityledger.profiles.record_body import RejectedLine

    try:
        client.put_record(
            dataset,
            line.provider_id,
            line.body.parts,
            subjects=line.body.subjects,
            reason=reason,
            idempotency_key=_key_of(dataset, line),
        )
    except InputError as error:
        return RejectedLine(line.line_no, error.field, error.reason)
    except ConflictError as error:
        return RejectedLine(line.line_no, "", str(error))
    return None


def _key_of(dataset: DatasetId, line: Line) -> str:
    """The same for the same line of the same file, so that a run that was cut off can be repeated."""
    held = hashlib.sha256(dataset + line.line_no.to_bytes(8, "big") + line.provider_id.encode())
    for subject in line.body.subjects:
        held.update(b"\0subject" + subject)
    for name, payload in line.body.parts.items():
        held.update(b"\0part" + name.encode() + b"\0" + payload)
    return "ndjson-" + held.hexdigest()


def _line_count(file: Path) -> int:
    """How many lines, for the bar; 0 for stdin, which can be read only once."""
    if str(file) == "-":
        return 0
    with file.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
    with stream:
        yield stream
