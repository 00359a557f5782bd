from hypothesis import given
from hypothesis import strategies as st

from cityledger.policy.terms import terms_at, tighten
from cityledger.types import Openness, SharingClass, Terms, purpose_from_name

PURPOSES = [purpose_from_name(name) for name in ("AUDIT", "EMERGENCY", "TREATMENT")]
any_terms = st.builds(
    Terms,
    st.sampled_from(SharingClass),
    st.sampled_from(Openness),
    st.booleans(),
    st.booleans(),
    st.sets(st.sampled_from(PURPOSES)).map(lambda chosen: tuple(sorted(chosen))),
)


@given(any_terms, any_terms)
def test_tighten_is_no_looser_than_either(a: Terms, b: Terms) -> None:
    tighter = tighten(a, b)
    for one in (a, b):
        assert tighter.sharing_class >= one.sharing_class
        assert tighter.openness <= one.openness
        assert tighter.consent_required >= one.consent_required
        assert tighter.emergency_allowed <= one.emergency_allowed
        assert set(tighter.purposes) <= set(one.purposes)


@given(any_terms, any_terms)
def test_tighten_takes_either_order_and_any_number_of_times(a: Terms, b: Terms) -> None:
    assert tighten(a, b) == tighten(b, a) == tighten(tighten(a, b), b)
    assert tighten(a, a) == a


@given(any_terms, any_terms)
def test_terms_at_changes_at_pending_since(a: Terms, b: Terms) -> None:
    assert terms_at(a, b, 100, 99) == a
    assert terms_at(a, b, 100, 100) == b
    assert terms_at(a, None, 0, 100) == a
    assert terms_at(None, None, 0, 100) is None
