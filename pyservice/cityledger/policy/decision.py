"""The decision that every exit requests: whether a query may be answered, with the reason."""

from __future__ import annotations

from cityledger.policy.gather import Known, gather
from cityledger.policy.rules import decide_facts, is_permit
from cityledger.types import Decision, Query


def decide(query: Query, known: Known) -> Decision:
    """The rules' answer with its reason; the same as ``AccessPolicy.decide`` at the block of ``known``.

    Raises:
        FieldError: the query carries openings, which this version does not support.
    """
    gathered = gather(query, known)
    code = decide_facts(gathered.facts)
    return Decision(is_permit(code), code, gathered.grant_id, gathered.artefact_id, int(gathered.facts))
