"""``cityledger verify``: a proof file, alone or against a chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.errors import ConfigurationError, VerificationError

if TYPE_CHECKING:
    from cityledger.client import RpcLedgerReader
    from cityledger.proofs.proof_file import Proof
    from cityledger.types import Address

FileArgument = Annotated[Path, typer.Argument(help="The proof file.", metavar="FILE")]
PayloadOption = Annotated[
    list[str] | None,
    typer.Option(
        "--payload", metavar="PART=FILE", help="Also check these bytes; the part by name or bit number."
    ),
]
ChainOption = Annotated[
    str | None, typer.Option("--rpc", metavar="URL", help="A chain endpoint that you trust.")
]
LedgerOption = Annotated[
    str | None, typer.Option("--ledger", metavar="ADDRESS", help="The RecordLedger that the city published.")
]
CityOption = Annotated[
    Path | None, typer.Option("--manifest", help="The city's manifest, instead of --ledger.")
]


def command(
    file: FileArgument,
    payload: PayloadOption = None,
    rpc: ChainOption = None,
    ledger: LedgerOption = None,
    manifest: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a proof file, without asking any node.

    Example: `cityledger verify visit-12.proof.json --payload summary=summary.json --rpc https://chain.example
    --ledger 0x5FbDB2315678afecb367f032d93F642f64180aa3`

    Without --rpc the verdict is "path only": the file agrees with itself. With it, "anchored": the root
    stands in the ledger that you named; a ledger that the file named would prove nothing. Exit code 4
    says that something does not hold.
    """
    from cityledger.proofs.proof_file import parse_proof
    from cityledger.proofs.verify import verify_proof

    proof = parse_proof(_bytes_of(file))
    reader = reader_of(rpc, ledger, manifest)
    verdict = verify_proof(proof, reader)
    parts = [_verify_part(proof, one) for one in payload or []]
    print_fields(
        {
            "verdict": verdict.level.value,
            "leaf": type(proof.leaf).__name__,
            "log": proof.leaf.log,
            "seq": proof.leaf.seq,
            "leafHash": verdict.leaf_hash,
            "root": verdict.root,
            "payloads": parts,
        },
        as_json=as_json,
    )
    if reader is None:
        note("not held against a chain: give --rpc and --ledger or --manifest")


def reader_of(rpc: str | None, ledger: str | None, manifest: Path | None) -> RpcLedgerReader | None:
    """Who asks the chain, where one was named."""
    if rpc is None:
        if ledger or manifest:
            raise typer.BadParameter("--ledger and --manifest say where to look; --rpc is needed too")
        return None
    if (ledger is None) == (manifest is None):
        raise typer.BadParameter("with --rpc, name the ledger by exactly one of --ledger and --manifest")
    from cityledger.client import RpcLedgerReader

    return RpcLedgerReader(rpc, _ledger_address(ledger, manifest))


def _ledger_address(ledger: str | None, manifest: Path | None) -> Address:
    if manifest is not None:
        from cityledger.chain.manifest import load_manifest

        return load_manifest(manifest).address("RecordLedger")
    from cityledger.cli.arguments import address

    return address(ledger or "")


def _verify_part(proof: Proof, told: str) -> str:
    from cityledger.proofs.verify import verify_payload

    part, separator, path = told.partition("=")
    if not separator:
        raise typer.BadParameter(f"--payload is PART=FILE, not {told!r}")
    verify_payload(proof, _bit_of(proof, part), _bytes_of(Path(path)))
    return part


def _bit_of(proof: Proof, part: str) -> int:
    from cityledger.proofs.leaves import RecordLeaf

    names = [one.name for one in proof.leaf.parts] if isinstance(proof.leaf, RecordLeaf) else []
    if part in names:
        return names.index(part)
    if part.isdecimal() and int(part) < len(names):
        return int(part)
    raise VerificationError(f"the leaf has no part {part}; it has {', '.join(names) or 'none'}")


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
