from __future__ import annotations

import re
from pathlib import Path

import pytest
from eth_abi.abi import encode

import cityledger.chain.contracts
from cityledger.chain.abi.artifacts import CONTRACT_NAMES, entries_of_kind, load_artifact
from cityledger.chain.abi.codec import decode_result, encode_call, selectors_of
from cityledger.chain.abi.reverts import decode_revert
from cityledger.chain.abi.words import word_from_text
from cityledger.chain.contracts.agency_registry import Admission
from cityledger.chain.deploy.deployment import created_address
from cityledger.chain.deploy.roles import FUNCTION_ROLES
from cityledger.errors import ChainError, ConfigurationError, FieldError
from cityledger.types import Address, word_text

WRAPPERS = Path(cityledger.chain.contracts.__file__).parent
BOUND = re.compile(r'BoundContract\(endpoint, "(\w+)"')
USED = re.compile(r'_contract\.(?:read\(\s*block,|prepare\()\s*"(\w+)"')
RESTRICTED = re.compile(r"function (\w+)\([^{;]*?\)\s+external\s+restricted\b")
ALICE = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")


def wrapped_functions() -> list[tuple[str, str]]:
    """(contract, function) of every read and prepare in the wrappers' sources."""
    found: list[tuple[str, str]] = []
    for path in sorted(WRAPPERS.glob("*.py")):
        text = path.read_text("utf-8")
        bound = BOUND.search(text)
        found += [(bound[1], function) for function in USED.findall(text)] if bound else []
    return found


def test_wrappers_call_only_functions_that_exist() -> None:
    wrapped = wrapped_functions()
    assert len(wrapped) > 40
    missing = [pair for pair in wrapped if pair[1] not in names_of(pair[0])]
    assert not missing


def test_wrappers_cover_every_function_that_changes_something() -> None:
    wrapped = set(wrapped_functions())
    writes = {
        (name, entry["name"])
        for name in CONTRACT_NAMES[1:]
        for entry in entries_of_kind(name, "function")
        if entry["stateMutability"] == "nonpayable" and entry["name"] != "setAuthority"
    }
    assert writes - wrapped == set()


def test_function_roles_cover_exactly_the_restricted_functions() -> None:
    """OpenZeppelin gives a function without a role to its admin: nothing assigns a forgotten one."""
    given = {(name, function) for (name, _), functions in FUNCTION_ROLES.items() for function in functions}
    source = Path(__file__).parents[4] / "contracts"
    restricted = {
        (name, function)
        for name in ("CityDirectory", "AgencyRegistry", "DataCatalog", "RecordLedger", "AccessPolicy")
        for function in RESTRICTED.findall((source / f"{name}.sol").read_text("utf-8"))
    }
    assert given == restricted


def names_of(contract: str) -> set[str]:
    return {entry["name"] for entry in entries_of_kind(contract, "function")}


def test_load_artifact_says_how_to_make_a_missing_one() -> None:
    with pytest.raises(ConfigurationError, match="contracts compile"):
        load_artifact("NoSuchContract")


def test_encode_call_accepts_structs_by_name() -> None:
    admission = Admission("HEALTH", "Health", "卫生", "https://h", ALICE, b"\x01" * 32, b"\x02" * 32)
    data = encode_call("AgencyRegistry", "admit", [admission.to_abi()])
    assert data[:4] == selectors_of("AgencyRegistry", ["admit"])[0]
    assert "卫生".encode() in data


def test_decode_result_names_several_values() -> None:
    data = encode(["uint8", "uint32"], [1, 7])
    assert decode_result("AgencyRegistry", "standing", data) == {"status": 1, "epoch": 7}


def test_decode_result_refuses_an_address_without_contract() -> None:
    with pytest.raises(ChainError, match="do not fit its ABI"):
        decode_result("CityDirectory", "instance", b"")


def test_decode_revert_reports_an_unknown_error_as_it_is() -> None:
    assert decode_revert(b"").name == "WithoutReason"
    assert decode_revert(b"\x01\x02\x03\x04").facts == {"data": "0x01020304"}
    error = decode_revert(bytes.fromhex("08c379a0") + encode(["string"], ["why"]))
    assert (error.name, error.facts) == ("Error", {"reason": "why"})
    assert decode_revert(bytes.fromhex("4e487b71") + encode(["uint256"], [17])).name == "Panic"


def test_created_address_is_where_ethereum_puts_it() -> None:
    assert created_address(ALICE, 0) == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert created_address(ALICE, 128) != created_address(ALICE, 127)


@pytest.mark.parametrize("text", ["", "A" * 33, "卫", "A\n"])
def test_word_from_text_refuses_what_does_not_fit(text: str) -> None:
    with pytest.raises(FieldError, match="code"):
        word_from_text("code", text)


def test_word_text_shows_foreign_bytes_instead_of_raising() -> None:
    assert word_text(word_from_text("code", "HEALTH")) == "HEALTH"
    assert word_text(b"\xff".ljust(32, b"\0")) == "\\xff"
    assert word_text(b"A\0B".ljust(32, b"\0")) == "A\\x00B"
