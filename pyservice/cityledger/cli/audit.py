"""``cityledger audit``: exports an agency's receipts, and verifies an export."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from cityledger.cli.client_options import CredentialsOption, NodeOption, TokenOption, connected
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.cli.progress import Report, progress
from cityledger.cli.verify import (
    ChainOption,
    CityOption,
    FinalOption,
    LedgerOption,
    reader_of,
    verdict_block,
)

if TYPE_CHECKING:
    from cityledger.client import Client
    from cityledger.client.answers import ProvenFile, Read

_UNCHECKED = (
    "whether the signers operated the logs",
    "whether the logs are the providers'",
    "whether the roots are on the chain",
)

app = typer.Typer(help="Export the receipts of your agency, and verify an export without any node.")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="File to write: NDJSON, a line for each read.", metavar="FILE")],
    proofs: Annotated[
        bool, typer.Option("--proofs/--no-proofs", help="Fetch each receipt's proof file too.")
    ] = True,
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every read in which your agency takes part, with its signed receipt and its proof.

    Example: `cityledger audit export reads.ndjson --credentials health-auditor.json`

    A receipt whose batch is not mined yet is written without proof; export again later to have it.
    """
    from cityledger.client.audit.file import header_line, read_line

    counts = {"reads": 0, "receipts": 0, "proofs": 0}
    with connected(node, credentials, token) as client, _replacing(out) as file:
        file.write(header_line(client.node(), client.whoami().agency, int(time.time())))
        with progress("reading receipts") as report:
            for read in client.reads(limit=500):
                proof = _proof(client, read) if proofs else None
                file.write(read_line(read, proof))
                counts["reads"] += 1
                counts["receipts"] += read.whole is not None
                counts["proofs"] += proof is not None
                report("reads", counts["reads"], None)  # the API pages through them without a count
    print_fields({"file": str(out), **counts}, as_json=as_json)
    note(f"next: cityledger audit verify {out} --rpc URL --manifest FILE")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="What `audit export` wrote.", metavar="FILE")],
    rpc: ChainOption = None,
    ledger: LedgerOption = None,
    manifest: CityOption = None,
    final: FinalOption = False,
    accept_unproven: Annotated[
        int, typer.Option(min=0, metavar="N", help="Accept up to N receipts without proof.")
    ] = 0,
    accept_missing: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Accept up to N missing numbers of the agency's logs."),
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Check an export, without asking any node: signers, the chain of each log, read numbers, proofs.

    Example: `cityledger audit verify reads.ndjson --rpc https://chain.example --manifest city.json`

    Each receipt must be the one in its leaf, of the log's agency, and signed by the account that operated the
    log at the receipt's block; each leaf must name the hash of the one before it in its log, and of the
    record's read before it. Without --rpc the file is checked only against itself, and may have been made by
    any person. Exit code 4 says that something does not hold, and in which line, or that receipts are
    unproven or missing.
    """
    from cityledger.client.audit.check import examine_audit, signers_shown

    reader = reader_of(rpc, ledger, manifest, final=final)
    with file.open("rb") as lines, progress("verifying") as report:
        tally = examine_audit(_watched(lines, report), reader)
    print_fields(
        {
            "verdict": "path only" if reader is None else "anchored",
            **verdict_block(reader),
            "receipts": tally.receipts,
            "proven": tally.proven,
            "anchored": tally.anchored,
            "unproven": tally.unproven,
            "unchained": tally.unchained,
            "missing": tally.missing,
            "later": tally.later,
            "unseen": tally.unseen,
            "links": tally.links,
            "gaps": tally.gaps,
            "signers": list(signers_shown(tally)),
            "notChecked": [] if reader else list(_UNCHECKED),
        },
        as_json=as_json,
    )
    if reader is None:
        note("not checked: " + "; ".join(_UNCHECKED) + ". Give --rpc and --ledger or --manifest")
    tally.verify_complete(accept_unproven, accept_missing)


def _watched(file: BinaryIO, report: Report) -> Iterator[bytes]:
    """The lines of a file; reports the bytes of those that are verified."""
    about = os.fstat(file.fileno())
    total = about.st_size if stat.S_ISREG(about.st_mode) else None
    done = 0
    for line in file:
        yield line
        done += len(line)
        report("bytes", done, total)


def _proof(client: Client, read: Read) -> ProvenFile | None:
    from cityledger.errors import NotAnchoredError

    if read.whole is None:
        return None
    try:
        return client.read_proof(read.whole.leaf.receipt)
    except NotAnchoredError:
        return None


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """The file takes its name when it is whole: one that was cut off must not pass for an export."""
    unfinished = path.with_name(path.name + ".part")
    try:
        # Receipts name officers and cases: for the caller alone, whatever the umask.
        with open(unfinished, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
