import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.policy.disclosure import disclosed_code
from cityledger.policy.facts import FACT_COUNT, Facts
from cityledger.policy.rules import decide_facts
from support.city.permitting_facts import PERMITTING

RECORD_FACTS = [
    Facts.CONTROLS_SUBJECT,
    Facts.SEALED_BY_LAW,
    Facts.GOOD_STANDING,
    Facts.EMERGENCY_OPEN,
    Facts.RESTRICTED_FOR_ALL,
    Facts.RESTRICTED_FOR_CONSUMER,
    Facts.CONSENT_SATISFIED,
]
NAMEABLE = {11, 21, 22, 31, 32, 41, 61, 71, 72, 81, 91}
ERASES_OWN = Facts.OWN_RECORD | Facts.ERASES
words = st.integers(0, (1 << FACT_COUNT) - 1)
PERMITTED = int(PERMITTING)


@given(words, st.sampled_from(RECORD_FACTS))
def test_disclosed_code_does_not_depend_on_what_stands_against_the_record(facts: int, fact: Facts) -> None:
    if facts & ERASES_OWN == ERASES_OWN:  # what is sealed by law is known to its own provider
        facts ^= Facts.ERASES
    assert disclosed_code(facts) == disclosed_code(facts ^ fact)


@given(words)
def test_disclosed_code_is_nameable_or_nothing(facts: int) -> None:
    assert disclosed_code(facts) in NAMEABLE | {None}


@given(words)
def test_disclosed_code_is_the_decision_where_that_may_be_named_at_all(facts: int) -> None:
    code = decide_facts(facts)
    if code in NAMEABLE:
        assert disclosed_code(facts) == code


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (PERMITTED, None),  # then the record is absent
        (PERMITTED | Facts.SEALED_BY_LAW, None),
        (PERMITTED | Facts.RESTRICTED_FOR_ALL, None),
        (
            (PERMITTED & ~Facts.GRANT_SATISFIED) | Facts.SEALED_BY_LAW,
            81,
        ),  # decided 51, disclosed as the dataset's reason
        ((PERMITTED & ~Facts.SHARED) | Facts.OWN_RECORD, None),
        (PERMITTED | Facts.OWN_RECORD | Facts.ERASES, None),
        (PERMITTED | Facts.OWN_RECORD | Facts.ERASES | Facts.SEALED_BY_LAW, 41),
        (PERMITTED | Facts.ERASES | Facts.SEALED_BY_LAW, None),
        (PERMITTED | Facts.EMERGENCY_PURPOSE, 61),
        (PERMITTED | Facts.EMERGENCY_PURPOSE | Facts.EMERGENCY_ALLOWED, None),
        (int(Facts.SELF), None),
    ],
)
def test_disclosed_code_of(facts: int, code: int | None) -> None:
    assert disclosed_code(facts) == code
