from __future__ import annotations

import pytest

from cityledger.errors import ConfigurationError
from cityledger.key_sources.source import KeySource, parse_source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("keyring", KeySource("keyring")),
        ("file:keys/operator", KeySource("file", "keys/operator")),
        ("command:show key --name a:b", KeySource("command", "show key --name a:b")),
        ("web3signer:https://signer.city:9000", KeySource("web3signer", "https://signer.city:9000")),
        ("pkcs11:token=city;object=op", KeySource("pkcs11", "token=city;object=op")),
    ],
)
def test_parse_source_splits_at_the_first_colon(text: str, source: KeySource) -> None:
    assert parse_source("operator_key", text) == source


@pytest.mark.parametrize("text", ["", "file", "file:", "command: ", "http://signer", "FILE:x", "keyring:x"])
def test_parse_source_refuses_and_names_setting_and_kinds(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"operator_key is not one of keyring, file:…, command:…"):
        parse_source("operator_key", text)


def test_for_key_puts_in_agency_and_epoch() -> None:
    assert KeySource("file", "vault-{agency}-{epoch}").for_key(7, 2) == KeySource("file", "vault-7-2")
