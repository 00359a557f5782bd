import dataclasses

import pytest

from cityledger.errors import VerificationError
from cityledger.proofs.proof_file import parse_proof
from cityledger.proofs.verify import (
    Level,
    LogInfo,
    batch_word,
    verify_payload,
    verify_proof,
)
from cityledger.types import ZERO32, AgencyId, LogKind
from vector_files import load_vectors


def proof_named(name):
    vector = next(v.values[0] for v in load_vectors("proof_files.json", "ok") if v.id == name)
    return parse_proof(vector["file"].encode())


RECORD = proof_named("record leaf with openings")
RECEIPT = proof_named("receipt leaf")
TOMBSTONE = proof_named("tombstone")


@dataclasses.dataclass
class Ledger:
    """A small honest ledger that has anchored one proof's batch."""

    chain_id: int
    ledger: str
    stated_instance: bytes
    batches: dict
    logs: dict
    providers: dict

    @classmethod
    def holding(cls, proof, kind):
        tree = proof.tree
        return cls(
            chain_id=proof.anchor.chain_id,
            ledger=proof.anchor.ledger,
            stated_instance=proof.leaf.instance,
            batches={(tree.log, tree.first): batch_word(tree.root, tree.count)},
            logs={tree.log: LogInfo(AgencyId(3), kind)},
            providers={getattr(proof.leaf, "dataset", None): AgencyId(3)},
        )

    def instance(self):
        return self.stated_instance

    def batch_word(self, log, first):
        return self.batches.get((log, first), ZERO32)

    def log_info(self, log):
        return self.logs.get(log)

    def dataset_provider(self, dataset):
        return self.providers.get(dataset, AgencyId(0))


KINDS = [(RECORD, LogKind.RECORDS), (TOMBSTONE, LogKind.RECORDS), (RECEIPT, LogKind.RECEIPTS)]


@pytest.mark.parametrize(("proof", "kind"), KINDS)
def test_verify_proof_is_anchored_where_the_ledger_has_the_root(proof, kind):
    assert verify_proof(proof).level is Level.PATH_ONLY
    assert verify_proof(proof, Ledger.holding(proof, kind)).level is Level.ANCHORED


@pytest.mark.parametrize(("proof", "kind"), KINDS)
def test_verify_proof_refuses_a_log_of_the_other_kind(proof, kind):
    with pytest.raises(VerificationError, match="another kind"):
        verify_proof(proof, Ledger.holding(proof, LogKind(3 - kind)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"chain_id": 1}, "another chain or ledger"),
        ({"ledger": "0x" + "00" * 20}, "another chain or ledger"),
        ({"stated_instance": b"x" * 32}, "another deployment"),
        ({"batches": {}}, "no such batch"),
        ({"logs": {}}, "another kind"),
        ({"providers": {}}, "not the dataset's provider's"),
        ({"logs": {RECORD.tree.log: LogInfo(AgencyId(4), LogKind.RECORDS)}}, "not the dataset's provider's"),
    ],
)
def test_verify_proof_refuses_what_the_ledger_does_not_hold(change, reason):
    ledger = dataclasses.replace(Ledger.holding(RECORD, LogKind.RECORDS), **change)
    with pytest.raises(VerificationError, match=reason):
        verify_proof(RECORD, ledger)


@pytest.mark.parametrize("count", [6, 8])
def test_verify_proof_binds_the_count_by_the_ledgers_word(count):
    """The path alone may fit another count of the same shape; the anchor does not."""
    changed = dataclasses.replace(RECORD, tree=dataclasses.replace(RECORD.tree, count=count))
    with pytest.raises(VerificationError, match="no such batch"):
        verify_proof(changed, Ledger.holding(RECORD, LogKind.RECORDS))


def test_verify_payload_takes_the_exact_bytes_only():
    verify_payload(RECORD, 0, b"payload of summary")
    verify_payload(RECORD, 1, "payload of 影像".encode())
    for part, payload in ((0, b"payload of summary "), (1, b"payload of summary")):
        with pytest.raises(VerificationError, match=f"not what part {part} commits to"):
            verify_payload(RECORD, part, payload)


@pytest.mark.parametrize(
    ("proof", "part"), [(RECORD, 2), (proof_named("record leaf without openings"), 0), (RECEIPT, 0)]
)
def test_verify_payload_needs_the_opening(proof, part):
    with pytest.raises(VerificationError, match="no opening"):
        verify_payload(proof, part, b"x")
