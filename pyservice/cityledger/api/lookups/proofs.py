"""Proof files, which any holder can check offline, made from inclusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fastapi import Response

from cityledger.api.context import NodeContext
from cityledger.api.http.headers import RECEIPTS, answer_headers
from cityledger.api.http.shapes import hex_of
from cityledger.api.strict_requests import JSON
from cityledger.exchange.access import Access
from cityledger.exchange.erasure_proof import prove_erasure
from cityledger.exchange.gate import Passed
from cityledger.exchange.lookup import Inclusion, prove
from cityledger.exchange.read import opening_key, read_plain
from cityledger.proofs.leaves import RecordLeaf
from cityledger.proofs.proof_file import Anchor, PartOpening, Proof, TreePlace, format_proof
from cityledger.types import Action


def proof_answer(node: NodeContext, access: Access, *, with_openings: bool) -> Response:
    """A version's proof file. ``with_openings`` adds those of the parts that the caller may read.

    The holder of an opening can test guesses of a payload, so returning one is a read, with its receipts.

    Raises: as ``prove``, and with openings as ``read_plain``.
    """
    if with_openings:
        opening_key(node.services, access.session.agency)
    passed, inclusion = prove(node.services, access)
    headers, openings = answer_headers(passed) | _tombstone_link(passed), None
    if with_openings:
        assert isinstance(inclusion.leaf, RecordLeaf)  # the route is of a record
        same_version = replace(access.target, version=inclusion.leaf.version)
        released, opened = read_plain(node.services, access.of(same_version).to(Action.READ))
        of_read = answer_headers(released.passed)
        headers, openings = (
            {**headers, **of_read, RECEIPTS: f"{headers[RECEIPTS]}, {of_read[RECEIPTS]}"},
            opened.openings,
        )
    return Response(proof_bytes(node, inclusion, openings), headers=headers, media_type=JSON)


def erasure_answer(node: NodeContext, access: Access) -> Response:
    """The proof file of a version's tombstone.

    Raises: as ``prove_erasure``.
    """
    passed, inclusion = prove_erasure(node.services, access)
    return Response(proof_bytes(node, inclusion), headers=answer_headers(passed), media_type=JSON)


def _tombstone_link(passed: Passed) -> dict[str, str]:
    """The ``Link`` header to the tombstone of an erased version (RFC 8288); empty for other versions."""
    version = passed.ruling.version
    if version is None or version.wrapped is not None:
        return {}
    place = f"/v1/datasets/{hex_of(version.dataset)}/records/{hex_of(version.record)}"
    return {"Link": f'<{place}/tombstone?version={version.version}>; rel="related"; title="tombstone"'}


def proof_bytes(
    node: NodeContext, inclusion: Inclusion, openings: Mapping[int, bytes] | None = None
) -> bytes:
    """The proof file of SPEC.md §7; with ``openings``, by part bit, payloads can be checked with it too."""
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
    opened = tuple(PartOpening(bit, opening) for bit, opening in sorted((openings or {}).items()))
    return format_proof(Proof(leaf, place, anchor, opened))
