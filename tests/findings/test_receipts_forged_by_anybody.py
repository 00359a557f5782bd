"""Receipts of an attacker's own log, or signed by anybody, were verified as evidence against others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cityledger.cli.main import run
from cityledger.client.audit.check import examine_audit, verify_audit
from cityledger.errors import VerificationError
from cityledger.policy.facts import FACT_COUNT
from cityledger.proofs.receipts import parse_signed_receipt, verify_receipt
from cityledger.proofs.verify import Companion, Level, verify_proof
from cityledger.types import Action, Address, AgencyId, Kem, LeafHash, LogId, LogKind
from support.store.receipt_files import (
    CONSUMER,
    DATASET,
    DOMAIN,
    EVIL,
    LOG,
    OPERATOR,
    PROVIDER,
    RECEIPT,
    STRANGER,
    chain_of,
    chained,
    export,
    proofs_of,
    receipt_file,
)


def test_what_the_operator_signed_holds() -> None:
    signed = chained([RECEIPT] * 3)
    proofs = proofs_of(signed)
    tally = verify_audit(export(signed, proofs), chain_of(proofs))
    assert (tally.receipts, tally.proven, tally.anchored, tally.unproven) == (3, 3, 3, 0)


def test_a_log_of_another_agency_is_no_evidence() -> None:
    """EVIL opens a log, anchors its own leaf there, and blames the consumer for a read at the provider."""
    signed = chained([RECEIPT])
    proofs = proofs_of(signed)
    with pytest.raises(VerificationError, match="provider is not the agency of its log"):
        verify_audit(export(signed, proofs), chain_of(proofs, agency=EVIL))


def test_a_log_of_ones_own_says_nothing_of_anothers_dataset() -> None:
    signed = chained([replace(RECEIPT, provider=EVIL)])
    proofs = proofs_of(signed)
    with pytest.raises(VerificationError, match="provider is not its dataset's"):
        verify_audit(export(signed, proofs), chain_of(proofs, agency=EVIL))


def test_a_log_of_records_holds_no_receipts() -> None:
    signed = chained([RECEIPT])
    reader = chain_of(proofs_of(signed))
    reader.open_log(LOG, PROVIDER, LogKind.RECORDS, Address(OPERATOR.address))
    with pytest.raises(VerificationError, match="not a log of receipts"):
        verify_audit(export(signed, [None]), reader, accept_unproven=1)


def test_a_strangers_signature_is_refused() -> None:
    signed = chained([RECEIPT], signer=STRANGER)
    proofs = proofs_of(signed)
    with pytest.raises(VerificationError, match="not signed by the operator of its log"):
        verify_audit(export(signed, proofs), chain_of(proofs))


@pytest.mark.parametrize(("change", "is_good"), [(49, False), (50, False), (51, True)])
def test_the_operator_at_the_end_of_the_receipts_block_signs(change: int, *, is_good: bool) -> None:
    """The agency gave the log to another account in block ``change``; the receipt is of block 50."""
    signed = chained([RECEIPT])
    proofs = proofs_of(signed)
    reader = chain_of(proofs)
    reader.operators[LOG].append((change, Address(STRANGER.address)))
    if is_good:
        verify_audit(export(signed, proofs), reader)
        return
    with pytest.raises(VerificationError, match="not signed by the operator of its log"):
        verify_audit(export(signed, proofs), reader)


def test_a_block_that_the_chain_does_not_have_is_refused() -> None:
    signed = chained([replace(RECEIPT, block_number=2**60)])
    proofs = proofs_of(signed)
    with pytest.raises(VerificationError, match="a block that the chain does not have"):
        verify_audit(export(signed, proofs), chain_of(proofs))


def test_a_file_concerns_the_agency_that_it_names() -> None:
    signed = chained([RECEIPT])
    proofs = proofs_of(signed)
    with pytest.raises(VerificationError, match="line 2: the file's agency is neither"):
        verify_audit(export(signed, proofs, agency=AgencyId(9)), chain_of(proofs))


IMPOSSIBLE = [
    {"represents": AgencyId(9)},
    {"artefact_id": b"a" * 32},
    {"version": 0},
    {"record_leaf": LeafHash(bytes(32))},
    {"permit": False, "code": 101, "facts": RECEIPT.facts | 1 << 17},
    {"version": 0, "record_leaf": LeafHash(bytes(32)), "kem": Kem.X25519, "sealing_key_digest": b"k" * 32},
    {"code": 40},
    {"permit": False},
    {"facts": RECEIPT.facts | 1 << FACT_COUNT},
    {"facts": 0},
]


@pytest.mark.parametrize("change", IMPOSSIBLE, ids=lambda change: "+".join(change))
def test_a_receipt_that_no_decision_gives_is_refused(change: dict[str, object]) -> None:
    signed = chained([replace(RECEIPT, **change)])  # type: ignore[arg-type]
    proofs = proofs_of(signed)
    with pytest.raises(VerificationError, match="line 2"):
        verify_audit(export(signed, proofs), chain_of(proofs))


def test_unproven_receipts_are_counted_and_refused() -> None:
    signed = chained([RECEIPT] * 4)
    first, second, third, _ = proofs_of(signed)
    lines = export(signed, [first, None, third, None])
    reader = chain_of([first])
    tally = examine_audit(lines, reader)
    assert (tally.unproven, tally.unchained) == (
        2,
        1,
    )  # the third names the second's hash
    assert second is not None
    with pytest.raises(VerificationError, match="2 receipts have no proof"):
        verify_audit(lines, reader)
    with pytest.raises(VerificationError, match="accepted are 1"):
        verify_audit(lines, reader, accept_unproven=1)
    verify_audit(lines, reader, accept_unproven=2)


def test_missing_receipts_of_the_agencys_own_logs_are_counted_and_refused() -> None:
    signed = chained([RECEIPT] * 6)
    proofs = proofs_of(signed)
    exported = [0, 3, 4]
    lines = export([signed[i] for i in exported], [proofs[i] for i in exported], agency=PROVIDER)
    reader = chain_of(proofs)
    tally = examine_audit(lines, reader)
    assert (tally.missing, tally.later, tally.gaps) == (2, 1, 1)
    with pytest.raises(VerificationError, match="2 receipts of the agency's own logs are missing"):
        verify_audit(lines, reader)
    # A consumer sees only its own reads in another's log: there a gap says nothing.
    assert verify_audit(export([signed[3]], [proofs[3]], agency=CONSUMER), reader).missing == 0


def test_a_log_that_the_file_leaves_out_shows() -> None:
    signed = chained([RECEIPT])
    proofs = proofs_of(signed)
    reader = chain_of(proofs)
    reader.open_log(LogId(8), PROVIDER, LogKind.RECEIPTS, Address(OPERATOR.address))
    other = replace(proofs[0], tree=replace(proofs[0].tree, log=LogId(8), count=5))
    reader.anchor(other)
    assert examine_audit(export(signed, proofs, agency=PROVIDER), reader).later == 5


def test_a_receipt_leaf_alone_says_nothing_of_whose_read_it_is() -> None:
    signed = chained([RECEIPT])
    (proof,) = proofs_of(signed)
    one, reader = parse_signed_receipt(receipt_file(signed[0])), chain_of([proof])
    assert one == signed[0]
    assert verify_proof(proof, reader).level is Level.ROOT_ONLY
    assert verify_proof(proof, reader, Companion(receipt=one)).level is Level.ANCHORED
    with pytest.raises(VerificationError, match="not the agency of its log"):
        verify_proof(proof, chain_of([proof], agency=EVIL), Companion(receipt=one))
    with pytest.raises(VerificationError, match="of another leaf"):
        verify_proof(proof, reader, Companion(receipt=chained([replace(RECEIPT, at=1)])[0]))


def test_verify_receipt_binds_the_leaf() -> None:
    (one,) = chained([RECEIPT])
    assert verify_receipt(one, DOMAIN) == Address(OPERATOR.address)
    for change in ({"receipt": b"x" * 32}, {"log": LogId(5)}, {"instance": b"x" * 32}):
        with pytest.raises(VerificationError, match="not the one in its leaf"):
            verify_receipt(replace(one, leaf=replace(one.leaf, **change)), DOMAIN)


def test_without_a_chain_nothing_is_called_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what it did not check."""
    signed = chained([replace(RECEIPT, dataset=DATASET, action=Action.READ)], signer=STRANGER)
    file = tmp_path / "reads.ndjson"
    file.write_bytes(b"".join(export(signed, list(proofs_of(signed)))))

    assert run(["audit", "verify", str(file), "--json"]) == 0
    said = capsys.readouterr()
    assert '"verdict": "path only"' in said.out
    assert "whether the signers operated the logs" in said.out + said.err
    assert "verified" not in said.out

    file.write_bytes(b"".join(export(signed, [None])))
    assert run(["audit", "verify", str(file)]) == 4
    assert run(["audit", "verify", str(file), "--accept-unproven", "1"]) == 0
