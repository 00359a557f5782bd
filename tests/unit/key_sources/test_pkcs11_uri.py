from __future__ import annotations

from pathlib import Path

import pytest

from cityledger.errors import ConfigurationError, KeyringError
from cityledger.key_sources.pkcs11_uri import PIN_VARIABLE, Pkcs11Uri, parse_pkcs11

HERE = Path()
PIN = {PIN_VARIABLE: "1234"}
GOOD = "token=city;object=operator?module-path=/lib/p11.so"


def test_parse_takes_the_pin_from_the_environment() -> None:
    assert parse_pkcs11(GOOD, HERE, PIN) == Pkcs11Uri("/lib/p11.so", "city", "operator", "1234")


def test_parse_decodes_percent_escapes() -> None:
    found = parse_pkcs11("object=a%20b;token=c%3Bd?module-path=/lib/p%26q.so", HERE, PIN)
    assert (found.object, found.token, found.module) == ("a b", "c;d", "/lib/p&q.so")


@pytest.mark.parametrize("source", ["pin", "file:pin"])
def test_parse_takes_the_pin_from_a_file(tmp_path: Path, source: str) -> None:
    (tmp_path / "pin").write_text("9876\n")
    assert parse_pkcs11(f"{GOOD}&pin-source={source}", tmp_path, PIN).pin == "9876"


def test_repr_does_not_show_the_pin() -> None:
    assert "1234" not in repr(parse_pkcs11(GOOD, HERE, PIN))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("token=city?module-path=/lib/p11.so", "lacks object"),
        ("token=city;object=operator", "lacks module-path"),
        ("token=city;object=operator;token=other?module-path=/l", "each once"),
        ("token=city;object=?module-path=/l", "with a value"),
        ("token=city;object=operator;serial=1?module-path=/l", "accepts object, token"),
        (f"{GOOD}&pin-value=1234", "accepts module-path, pin-source"),
    ],
)
def test_parse_refuses(value: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        parse_pkcs11(value, HERE, PIN)


def test_parse_needs_a_pin(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match=PIN_VARIABLE):
        parse_pkcs11(GOOD, HERE, {})
    with pytest.raises(KeyringError, match="pin-source"):
        parse_pkcs11(f"{GOOD}&pin-source=missing", tmp_path, PIN)
