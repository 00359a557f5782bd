from __future__ import annotations

import pytest
import typer
from eth_account import Account

from cityledger.cli.arguments import address, bytes32, duration, moment, purpose, shown_moment
from cityledger.cli.chain_options import dataset_id, signer
from cityledger.errors import ConfigurationError, KeyringError
from cityledger.types import NO_END, AgencyId

ALICE = Account.from_key("0x" + "01" * 32)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800), ("forever", NO_END)],
)
def test_duration_reads_units(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1.5h", "1w", "d", "1 d"])
def test_duration_refuses_the_rest(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("never", NO_END),
        ("0", 0),
        ("1893456000", 1_893_456_000),
        ("2030-01-01", 1_893_456_000),
        ("2030-01-01T08:00+08:00", 1_893_456_000),
        ("2030-01-01T00:00Z", 1_893_456_000),
    ],
)
def test_moment_reads_dates_as_utc(text: str, seconds: int) -> None:
    assert moment(text) == seconds


def test_moment_refuses_the_rest() -> None:
    with pytest.raises(typer.BadParameter):
        moment("tomorrow")


def test_shown_moment_is_iso_or_never() -> None:
    assert shown_moment(1_893_456_000) == "2030-01-01T00:00:00+00:00"
    assert shown_moment(NO_END) == "never"


def test_bytes32_refuses_other_lengths() -> None:
    assert bytes32("0x" + "aB" * 32) == b"\xab" * 32
    for text in ("0x" + "ab" * 31, "ab" * 32, "0x" + "zz" * 32):
        with pytest.raises(typer.BadParameter):
            bytes32(text)


def test_address_checks_the_checksum_of_a_mixed_case_one() -> None:
    right = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert address(right) == address(right.lower()) == right
    for text in (right.replace("f3", "F3"), right[:-1], "HEALTH"):
        with pytest.raises(typer.BadParameter):
            address(text)


def test_purpose_refuses_lower_case() -> None:
    with pytest.raises(typer.BadParameter):
        purpose("treatment")


def test_dataset_id_is_that_of_the_specification() -> None:
    dataset = dataset_id(b"\x01" * 32, AgencyId(7), "a/b/c")
    assert len(dataset) == 32
    assert dataset != dataset_id(b"\x01" * 32, AgencyId(8), "a/b/c")


def test_signer_needs_exactly_one_account(tmp_path: object) -> None:
    with pytest.raises(typer.BadParameter):
        signer(31337, None, None, None)


def test_signer_refuses_a_devnet_account_elsewhere() -> None:
    with pytest.raises(ConfigurationError, match="this is chain 1"):
        signer(1, None, None, 0)


def test_signer_opens_a_keystore(tmp_path: object) -> None:
    import json
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "a.json").write_text(json.dumps(Account.encrypt(ALICE.key, "open sesame", iterations=2)))
    (folder / "right").write_text("open sesame\n")
    (folder / "wrong").write_text("open barley")
    assert signer(1, folder / "a.json", folder / "right", None).address == ALICE.address
    with pytest.raises(KeyringError, match="passphrase is wrong"):
        signer(1, folder / "a.json", folder / "wrong", None)
    with pytest.raises(KeyringError, match="cannot read"):
        signer(1, folder / "none.json", folder / "right", None)
