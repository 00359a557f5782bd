import pytest

from cityledger.policy.facts import NO_FACTS, Facts
from cityledger.policy.rules import RULES, decide_facts, explain, is_permit

CLEAR = (
    Facts.CONSUMER_ACTIVE
    | Facts.ROLE_HELD
    | Facts.CREDENTIAL_LIVE
    | Facts.PURPOSE_KNOWN
    | Facts.PURPOSE_ALLOWED
    | Facts.PROVIDER_ACTIVE
    | Facts.DATASET_ACTIVE
    | Facts.GRANT_SATISFIED
    | Facts.SHARED
    | Facts.CONSENT_SATISFIED
)
EMERGENCY = CLEAR | Facts.EMERGENCY_PURPOSE
OPEN = EMERGENCY | Facts.EMERGENCY_ALLOWED | Facts.GOOD_STANDING | Facts.EMERGENCY_OPEN

CASES = {
    130: Facts.SELF | Facts.CONTROLS_SUBJECT,
    131: Facts.SELF | CLEAR,
    132: Facts.SELF | Facts.CONTROLS_SUBJECT | Facts.SEALED_BY_LAW,
    11: CLEAR & ~Facts.CONSUMER_ACTIVE,
    21: CLEAR & ~Facts.ROLE_HELD,
    22: CLEAR & ~Facts.CREDENTIAL_LIVE,
    31: CLEAR & ~Facts.PURPOSE_KNOWN,
    32: CLEAR & ~Facts.PURPOSE_ALLOWED | Facts.OWN_RECORD,
    40: CLEAR | Facts.OWN_RECORD | Facts.SEALED_BY_LAW,
    41: CLEAR | Facts.OWN_RECORD | Facts.SEALED_BY_LAW | Facts.ERASES,
    51: OPEN | Facts.SEALED_BY_LAW,
    60: OPEN & ~Facts.PROVIDER_ACTIVE | Facts.RESTRICTED_FOR_ALL,
    61: OPEN & ~Facts.EMERGENCY_ALLOWED,
    62: OPEN & ~Facts.GOOD_STANDING,
    63: OPEN & ~Facts.EMERGENCY_OPEN,
    71: CLEAR & ~Facts.PROVIDER_ACTIVE,
    72: CLEAR & ~Facts.DATASET_ACTIVE,
    81: CLEAR & ~Facts.GRANT_SATISFIED,
    91: CLEAR & ~Facts.SHARED,
    101: CLEAR | Facts.RESTRICTED_FOR_ALL | Facts.RESTRICTED_FOR_CONSUMER,
    102: CLEAR | Facts.RESTRICTED_FOR_CONSUMER,
    111: CLEAR & ~Facts.CONSENT_SATISFIED,
    120: CLEAR,
}
PERMITS = {40, 60, 120, 130}


@pytest.mark.parametrize(("code", "facts"), CASES.items())
def test_decide_facts_gives_the_code_of_the_spec(code: int, facts: Facts) -> None:
    assert decide_facts(facts) == code
    assert is_permit(code) == (code in PERMITS)


def test_decide_facts_denies_the_word_of_zeros() -> None:
    assert decide_facts(NO_FACTS) == 11


def test_every_rule_has_a_case_and_a_sentence() -> None:
    assert {rule.code for rule in RULES} == CASES.keys()
    assert all(explain(code) and not explain(code).endswith(".") for code in CASES)


def test_explain_knows_no_other_code() -> None:
    with pytest.raises(KeyError):
        explain(0)
