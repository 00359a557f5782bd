"""Checks that a receipt's decision is the one that its facts give. Source: SPEC.md §2, §3."""

from __future__ import annotations

from cityledger.errors import VerificationError
from cityledger.policy.facts import FACT_COUNT
from cityledger.policy.rules import decide_facts, is_permit
from cityledger.proofs.leaves import Receipt


def verify_decision(receipt: Receipt) -> None:
    """Checks that ``code`` and ``permit`` follow from ``facts``.

    Raises:
        VerificationError: they do not, or a bit of ``facts`` is not one of the rules' facts.
    """
    if receipt.facts >> FACT_COUNT:
        raise VerificationError("facts: a bit beyond the facts of the rules is set")
    if receipt.code != decide_facts(receipt.facts):
        raise VerificationError("the receipt states another code than its facts give")
    if receipt.permit != is_permit(receipt.code):
        raise VerificationError("the receipt states another permit than its code gives")
