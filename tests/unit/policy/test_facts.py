from cityledger.policy.facts import FACT_COUNT, NO_FACTS, Facts


def test_facts_are_20_bits_without_a_gap() -> None:
    assert [fact.value for fact in Facts] == [1 << bit for bit in range(20)]
    assert (FACT_COUNT, int(NO_FACTS)) == (20, 0)
