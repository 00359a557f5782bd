from random import Random

from cityledger.demo.people import people


def test_people_are_the_same_for_the_same_seed_and_have_keys_of_their_own() -> None:
    assert people(Random(3), 200) == people(Random(3), 200)
    assert people(Random(3), 200) != people(Random(4), 200)
    assert len({person.key for person in people(Random(3), 200)}) == 200
