"""One test for each leaf of city_directory.tree."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.contracts.city_directory import AddressSet
from cityledger.types import ZERO32, ZERO_ADDRESS
from support.city.city_on_chain import City

NAME = b"RECORD_LEDGER".ljust(32, b"\0")


def test_set_refuses_a_caller_who_is_not_the_council(city: City) -> None:
    for caller in (city.deployer, city.guard, city.stranger):
        refusal = city.directory.refusal(caller, "set", NAME, city.ledger.address)
        assert refusal == ("AccessManagedUnauthorized", {"caller": caller})


@pytest.mark.parametrize("name", [ZERO32, NAME])
def test_set_refuses_zero(city: City, name: bytes) -> None:
    target = ZERO_ADDRESS if name == NAME else city.ledger.address
    refusal = city.directory.refusal(city.council, "set", name, target)
    assert refusal == ("CityDirectoryZeroArgument", {"name": name, "target": target})


def test_set_leads_there_with_version_1(city: City) -> None:
    events = city.directory.send(city.council, "set", NAME, city.ledger.address)
    assert events == [AddressSet("RECORD_LEDGER", city.ledger.address, 1)]
    assert city.directory.ask("get", NAME) == {"target": city.ledger.address, "version": 1}


def test_set_raises_the_version(city: City) -> None:
    city.directory.send(city.council, "set", NAME, city.ledger.address)
    events = city.directory.send(city.council, "set", NAME, city.policy.address)
    assert events == [AddressSet("RECORD_LEDGER", city.policy.address, 2)]
    assert city.directory.ask("get", NAME) == {"target": city.policy.address, "version": 2}


def test_get_answers_zero_for_an_unknown_name(city: City) -> None:
    assert city.directory.ask("get", NAME) == {"target": ZERO_ADDRESS, "version": 0}


def test_instance_is_the_hash_of_chain_address_and_parent(city: City) -> None:
    number = city.directory_block - 1
    parent = city.chain.rpc("eth_getBlockByNumber", hex(number), False)["hash"]
    values = int(city.chain.rpc("eth_chainId"), 16), city.directory.address, bytes.fromhex(parent[2:])
    assert city.instance == keccak(encode(["uint256", "address", "bytes32"], values))
