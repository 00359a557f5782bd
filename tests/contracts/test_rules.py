"""One rule set, two executors: every word of facts, every action and role, any two terms."""

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityledger.chain.contracts.data_catalog import terms_to_abi
from cityledger.policy.facts import FACT_COUNT, Facts
from cityledger.policy.roles import PROVIDERS_OWN, is_role_allowed
from cityledger.policy.rules import RULES, decide_facts, is_permit
from cityledger.policy.terms import tighten
from cityledger.types import Action, Openness, Role, SharingClass, Terms, purpose_from_name
from support.city.city_on_chain import ROOT, Harness

CHUNK = 1 << 16
PURPOSES = sorted(
    purpose_from_name(name) for name in ("AUDIT", "EMERGENCY", "RESEARCH", "TAXATION", "TREATMENT")
)

any_terms = st.builds(
    Terms,
    st.sampled_from([one for one in SharingClass if one != SharingClass.NONE]),
    st.sampled_from(Openness),
    st.booleans(),
    st.booleans(),
    st.sets(st.sampled_from(PURPOSES)).map(lambda purposes: tuple(sorted(purposes))),
)


def test_rules_decide_alike_on_every_word_of_facts(harness: Harness) -> None:
    for first in range(0, 1 << FACT_COUNT, CHUNK):
        codes = [decide_facts(facts) for facts in range(first, first + CHUNK)]
        expected = bytes(byte for code in codes for byte in (is_permit(code), code))
        assert harness.ask("decisions", first, CHUNK) == expected, f"in the chunk from {first}"


@given(st.integers(1 << FACT_COUNT, (1 << 32) - 1))
def test_rules_ignore_the_bits_that_name_no_fact(facts: int) -> None:
    assert decide_facts(facts) == decide_facts(facts & ((1 << FACT_COUNT) - 1))


def test_rules_reach_every_code() -> None:
    assert {decide_facts(facts) for facts in range(1 << FACT_COUNT)} == {rule.code for rule in RULES}


def test_facts_have_the_same_bits_in_both_languages() -> None:
    source = (ROOT / "contracts/libraries/FactBits.sol").read_text("utf-8")
    bits = re.findall(r"uint32 internal constant (\w+) = 1 << (\d+);", source)
    assert {name: 1 << int(bit) for name, bit in bits} == {fact.name: fact.value for fact in Facts}


@pytest.mark.parametrize(("action", "role"), list(product(Action, Role)))
def test_roles_are_allowed_alike(harness: Harness, action: Action, role: Role) -> None:
    assert harness.ask("isAllowed", action, role) == is_role_allowed(action, role)


@pytest.mark.parametrize("role", Role)
def test_roles_may_not_do_the_action_none(harness: Harness, role: Role) -> None:
    assert not harness.ask("isAllowed", 0, role)


@pytest.mark.parametrize("action", Action)
def test_actions_are_the_providers_own_alike(harness: Harness, action: Action) -> None:
    assert harness.ask("isProvidersOwn", action) == (action in PROVIDERS_OWN)


@settings(deadline=None)
@given(any_terms, any_terms)
def test_terms_tighten_alike(harness: Harness, a: Terms, b: Terms) -> None:
    words = [tuple(terms_to_abi(one).values()) for one in (a, b, tighten(a, b))]
    sharing_class, openness, consent, emergency, purposes = harness.ask("tighten", *words[:2])
    assert (sharing_class, openness, consent, emergency, list(purposes)) == words[2]
