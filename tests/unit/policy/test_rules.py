import pytest

from cityledger.policy.facts import NO_FACTS, Facts
from cityledger.policy.rules import RULES, decide_facts, explain, is_permit
from support.city.permitting_facts import PERMITTING

EMERGENCY = PERMITTING | Facts.EMERGENCY_PURPOSE
OPEN = EMERGENCY | Facts.EMERGENCY_ALLOWED | Facts.GOOD_STANDING | Facts.EMERGENCY_OPEN

CASES = {
    130: Facts.SELF | Facts.CONTROLS_SUBJECT,
    131: Facts.SELF | PERMITTING,
    132: Facts.SELF | Facts.CONTROLS_SUBJECT | Facts.SEALED_BY_LAW,
    11: PERMITTING & ~Facts.CONSUMER_ACTIVE,
    21: PERMITTING & ~Facts.ROLE_HELD,
    22: PERMITTING & ~Facts.CREDENTIAL_LIVE,
    31: PERMITTING & ~Facts.PURPOSE_KNOWN,
    32: PERMITTING & ~Facts.PURPOSE_ALLOWED | Facts.OWN_RECORD,
    40: PERMITTING | Facts.OWN_RECORD | Facts.SEALED_BY_LAW,
    41: PERMITTING | Facts.OWN_RECORD | Facts.SEALED_BY_LAW | Facts.ERASES,
    51: OPEN | Facts.SEALED_BY_LAW,
    60: OPEN & ~Facts.PROVIDER_ACTIVE | Facts.RESTRICTED_FOR_ALL,
    61: OPEN & ~Facts.EMERGENCY_ALLOWED,
    62: OPEN & ~Facts.GOOD_STANDING,
    63: OPEN & ~Facts.EMERGENCY_OPEN,
    71: PERMITTING & ~Facts.PROVIDER_ACTIVE,
    72: PERMITTING & ~Facts.DATASET_ACTIVE,
    81: PERMITTING & ~Facts.GRANT_SATISFIED,
    91: PERMITTING & ~Facts.SHARED,
    101: PERMITTING | Facts.RESTRICTED_FOR_ALL | Facts.RESTRICTED_FOR_CONSUMER,
    102: PERMITTING | Facts.RESTRICTED_FOR_CONSUMER,
    111: PERMITTING & ~Facts.CONSENT_SATISFIED,
    120: PERMITTING,
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
