"""Once, the code of a byte above 0x7f and the one that spells its escape were one text in the index."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cityledger.types import word_text
from support.city.city_on_chain import Chain, City, admission

words = st.binary(max_size=32).map(lambda some: some.ljust(32, b"\0"))
spelled = st.lists(st.sampled_from([b"\x80", rb"\x80", b"\\", b"x5c", b"\0", b"A"]), max_size=6)


def test_no_two_words_have_one_text_where_one_spells_the_other() -> None:
    texts = [
        word_text(word.ljust(32, b"\0")) for word in (b"A\x80", rb"A\x80", rb"A\x5cx80", b"A\0x", rb"A\x00x")
    ]
    assert texts == [r"A\x80", r"A\x5cx80", r"A\x5cx5cx80", r"A\x00x", r"A\x5cx00x"]


@given(words | spelled.map(b"".join), words | spelled.map(b"".join))
def test_two_words_have_two_texts(one: bytes, other: bytes) -> None:
    one, other = one[:32].ljust(32, b"\0"), other[:32].ljust(32, b"\0")
    assert (word_text(one) == word_text(other)) == (one == other)


def test_the_registry_admits_neither(tmp_path: Path) -> None:
    chain = Chain(tmp_path)
    try:
        city = City(chain)
        for code in (b"LAND\x80", rb"LAND\x80"):
            wanted = admission("LAND", city.stranger, code=code.ljust(32, b"\0"))
            refused = city.registry.refusal(city.council, "admit", wanted)
            assert refused == ("AgencyRegistryInvalidCode", {"code": wanted["code"]})
    finally:
        chain.stop()
