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
    from cityledger.proofs.receipts import SignedReceipt
    from cityledger.proofs.verify import Companion
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


FinalOption = Annotated[
    bool, typer.Option("--final", help="Ask at the last final block, which no reorganisation undoes.")
]
ErasedOption = Annotated[
    Path | None,
    typer.Option("--erased", metavar="FILE", help="For a tombstone: the proof file of the erased leaf."),
]
ReceiptOption = Annotated[
    Path | None,
    typer.Option("--receipt", metavar="FILE", help="For a receipt leaf: its signed receipt (SPEC.md §7)."),
]


def command(
    file: FileArgument,
    payload: PayloadOption = None,
    erased: ErasedOption = None,
    receipt: ReceiptOption = None,
    rpc: ChainOption = None,
    ledger: LedgerOption = None,
    manifest: CityOption = None,
    final: FinalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check a proof file, without asking any node.

    Example: `cityledger verify visit-12.proof.json --payload summary=summary.json --rpc https://chain.example
    --ledger 0x5FbDB2315678afecb367f032d93F642f64180aa3`

    Without --rpc the verdict is "path only": the file agrees with itself. With it, "anchored": the root is in
    the ledger that you named (a ledger that the file named would prove nothing), and the agency of its log
    may make the leaf's statement. A tombstone names the leaf that it erased by hash only, and a receipt leaf
    its receipt: without --erased or --receipt their verdict is "root only", which does not show whose record
    or read it is. Exit code 4 says that something does not hold.
    """
    from cityledger.proofs.proof_file import parse_proof
    from cityledger.proofs.verify import verify_proof

    proof = parse_proof(_bytes_of(file))
    reader = reader_of(rpc, ledger, manifest, final=final)
    verdict = verify_proof(proof, reader, _companion(erased, receipt))
    parts = [_verify_part(proof, one) for one in payload or []]
    print_fields(
        {
            "verdict": verdict.level.value,
            **verdict_block(reader),
            "leaf": type(proof.leaf).__name__,
            "log": proof.leaf.log,
            "seq": proof.leaf.seq,
            "leafHash": verdict.leaf_hash,
            "root": verdict.root,
            "payloads": parts,
            **_shown(proof, erased),
        },
        as_json=as_json,
    )
    _note_unchecked(proof, reader, is_alone=erased is None and receipt is None)


def reader_of(
    rpc: str | None, ledger: str | None, manifest: Path | None, *, final: bool = False
) -> RpcLedgerReader | None:
    """Who asks the chain, where one was named."""
    if rpc is None:
        if ledger or manifest or final:
            raise typer.BadParameter("--ledger, --manifest and --final need --rpc too")
        return None
    if (ledger is None) == (manifest is None):
        raise typer.BadParameter("with --rpc, name the ledger by exactly one of --ledger and --manifest")
    from cityledger.client import RpcLedgerReader

    return RpcLedgerReader(rpc, _ledger_address(ledger, manifest), final=final)


def verdict_block(reader: RpcLedgerReader | None) -> dict[str, object]:
    """The block of the verdict, and whether a reorganisation may still undo it."""
    return {} if reader is None else {"block": reader.block.number, "final": reader.block.is_final}


def _companion(erased: Path | None, receipt: Path | None) -> Companion:
    from cityledger.proofs.proof_file import parse_proof
    from cityledger.proofs.verify import Companion

    return Companion(
        None if erased is None else parse_proof(_bytes_of(erased)),
        None if receipt is None else _decided(receipt),
    )


def _decided(receipt: Path) -> SignedReceipt:
    """
    Raises:
        VerificationError: not a signed receipt, or its decision is not that of its facts.
    """
    from cityledger.client.releases.decision import verify_decision
    from cityledger.proofs.receipts import parse_signed_receipt

    signed = parse_signed_receipt(_bytes_of(receipt))
    verify_decision(signed.receipt)
    return signed


def _shown(proof: Proof, erased: Path | None) -> dict[str, object]:
    """A tombstone as text: the erased leaf, reason and times."""
    from cityledger.proofs.leaves import Tombstone

    leaf = proof.leaf
    if not isinstance(leaf, Tombstone):
        return {}
    return {
        "erasedLeaf": leaf.erased_leaf,
        "erasedLeafShown": erased is not None,
        "reason": leaf.reason.name.lower().replace("_", "-"),
        "erasedAt": leaf.erased_at,
        "unrecoverableAt": leaf.unrecoverable_at,
    }


def _note_unchecked(proof: Proof, reader: RpcLedgerReader | None, *, is_alone: bool) -> None:
    from cityledger.proofs.leaves import RecordLeaf, Tombstone

    if is_alone and not isinstance(proof.leaf, RecordLeaf):
        is_tombstone = isinstance(proof.leaf, Tombstone)
        what = "whose leaf was erased: give --erased" if is_tombstone else "whose read it is: give --receipt"
        note(f"not checked: {what}")
    if reader is None:
        note("not checked: whether the root is on the chain. Give --rpc and --ledger or --manifest")


def _ledger_address(ledger: str | None, manifest: Path | None) -> Address:
    if manifest is not None:
        from cityledger.chain.manifest import load_manifest

        return load_manifest(manifest).address("RecordLedger")
    from cityledger.cli.arguments import address

    return address(ledger or "")


def _verify_part(proof: Proof, given: str) -> str:
    from cityledger.proofs.verify import verify_payload

    part, separator, path = given.partition("=")
    if not separator:
        raise typer.BadParameter(f"--payload is PART=FILE, not {given!r}")
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
