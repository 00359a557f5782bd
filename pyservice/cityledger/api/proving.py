"""From an inclusion to the proof file that anybody can check offline."""

from __future__ import annotations

from cityledger.api.context import NodeContext
from cityledger.exchange.lookup import Inclusion
from cityledger.proofs.proof_file import Anchor, Proof, TreePlace, format_proof


def proof_bytes(node: NodeContext, inclusion: Inclusion) -> bytes:
    """The proof file of SPEC.md §7."""
    leaf, batch, anchored = inclusion.leaf, inclusion.batch, inclusion.anchored
    place = TreePlace(
        log=batch.log,
        first=batch.first,
        count=batch.count,
        index=leaf.seq - batch.first,
        root=batch.root,
        path=inclusion.path,
    )
    anchor = Anchor(
        chain_id=node.manifest.chain_id,
        ledger=node.manifest.address("RecordLedger"),
        transaction=anchored.tx_hash,
        block_number=anchored.block,
        block_hash=inclusion.block_hash,
    )
    return format_proof(Proof(leaf, place, anchor))
