from cityledger.policy.facts import FACT_COUNT, NO_FACTS, Facts


def test_facts_are_21_bits_without_a_gap() -> None:
    assert [fact.value for fact in Facts] == [1 << bit for bit in range(21)]
    assert (FACT_COUNT, int(NO_FACTS)) == (21, 0)
