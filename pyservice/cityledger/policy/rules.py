"""The thirteen rules as one table that is read from the top. ``Rules.sol`` is its counterpart."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.errors import DeniedError
from cityledger.policy.facts import NO_FACTS, Facts

ROLE_NOT_HELD = 21
"""Also the refusal of requests that no decision precedes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row, which matches if every fact of ``given`` is true and every fact of ``without`` is false."""

    code: int
    """Rule number × 10 + cause; a permit's cause is 0 (SPEC.md §2)."""
    given: Facts
    without: Facts
    sentence: str


RULES = (
    # 13 comes first: it is about the caller's own subject, to which no other rule applies.
    Rule(131, Facts.SELF, Facts.CONTROLS_SUBJECT, "the caller does not control this subject"),
    Rule(132, Facts.SELF | Facts.SEALED_BY_LAW, NO_FACTS, "the record is sealed by law"),
    Rule(130, Facts.SELF, NO_FACTS, "the caller controls this subject"),
    Rule(11, NO_FACTS, Facts.CONSUMER_ACTIVE, "the requesting agency is not active"),
    Rule(21, NO_FACTS, Facts.ROLE_HELD, "the officer does not have a role that allows this action"),
    Rule(22, NO_FACTS, Facts.CREDENTIAL_LIVE, "the officer's credential has expired or was revoked"),
    Rule(31, NO_FACTS, Facts.PURPOSE_KNOWN, "the purpose is not one of the city's purposes"),
    Rule(32, NO_FACTS, Facts.PURPOSE_ALLOWED, "the purpose is not allowed for this dataset and action"),
    Rule(
        41,
        Facts.OWN_RECORD | Facts.ERASES | Facts.SEALED_BY_LAW,
        NO_FACTS,
        "the record is sealed by law, so its own agency may not erase it either",
    ),
    Rule(40, Facts.OWN_RECORD, NO_FACTS, "the agency requests its own record"),
    Rule(51, Facts.SEALED_BY_LAW, NO_FACTS, "the record is sealed by law"),
    Rule(61, Facts.EMERGENCY_PURPOSE, Facts.EMERGENCY_ALLOWED, "the dataset does not allow emergency access"),
    Rule(62, Facts.EMERGENCY_PURPOSE, Facts.GOOD_STANDING, "the agency has an emergency that is overdue"),
    Rule(63, Facts.EMERGENCY_PURPOSE, Facts.EMERGENCY_OPEN, "no emergency is open for this subject"),
    Rule(60, Facts.EMERGENCY_PURPOSE, NO_FACTS, "an emergency is open for this subject"),
    Rule(71, NO_FACTS, Facts.PROVIDER_ACTIVE, "the agency that holds the dataset is not active"),
    Rule(72, NO_FACTS, Facts.DATASET_ACTIVE, "the dataset does not exist, or is retired"),
    Rule(81, NO_FACTS, Facts.GRANT_SATISFIED, "no live grant covers these parts for this purpose"),
    Rule(91, NO_FACTS, Facts.SHARED, "the dataset is not shared"),
    Rule(101, Facts.RESTRICTED_FOR_ALL, NO_FACTS, "the record is restricted"),
    Rule(102, Facts.RESTRICTED_FOR_CONSUMER, NO_FACTS, "the record is restricted for this agency"),
    Rule(111, NO_FACTS, Facts.CONSENT_SATISFIED, "no live consent covers this"),
    Rule(120, NO_FACTS, NO_FACTS, "no rule denies it"),
)

_SENTENCES = {rule.code: rule.sentence for rule in RULES}
# As plain numbers, which compare some ten times faster than flags.
_MATCHES = tuple((int(rule.given | rule.without), int(rule.given), rule.code) for rule in RULES)


def decide_facts(facts: int) -> int:
    """The code of the first rule that matches; total over every word."""
    return next(code for mask, given, code in _MATCHES if facts & mask == given)


def is_permit(code: int) -> bool:
    """Returns whether the code of a decision permits."""
    return code % 10 == 0


def explain(code: int) -> str:
    """The meaning of a code as a sentence without full stop.

    Raises:
        KeyError: no rule has this code.
    """
    return _SENTENCES[code]


def denial(code: int) -> DeniedError:
    """The error of a code that denies and may be disclosed."""
    return DeniedError(code, explain(code))
