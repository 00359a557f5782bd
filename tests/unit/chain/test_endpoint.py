from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.endpoint import Endpoint, block_parameter, connect, masked
from cityledger.errors import (
    ChainError,
    ChainUnavailableError,
    ConfigurationError,
    RevertedError,
    WrongChainError,
)
from cityledger.types import Address, BlockRef

from .fake_chain import CHAIN_ID, FakeChain, RefusalError

CONTRACT = Address("0x" + "11" * 20)


def endpoint_of(*chains: FakeChain) -> Endpoint:
    return Endpoint(CHAIN_ID, [(f"chain {number}", chain) for number, chain in enumerate(chains)])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@rpc.example/v3/secret-key?token=x", "https://rpc.example/…"),
        ("https://rpc.example:8545/", "https://rpc.example:8545"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("ipc:/home/someone/anvil.ipc", "ipc:…"),
        ("nonsense", "…"),
    ],
)
def test_masked_hides_what_could_be_a_credential(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_request_never_repeats_the_transports_message() -> None:
    endpoint = endpoint_of(FakeChain(is_down=True))
    with pytest.raises(ChainUnavailableError) as caught:
        endpoint.request("eth_chainId")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_request_goes_to_the_next_url_and_stays_there() -> None:
    down, up = FakeChain(is_down=True), FakeChain()
    endpoint = endpoint_of(down, up)
    assert endpoint.request("eth_chainId") == hex(CHAIN_ID)
    down.is_down = False
    endpoint.request("eth_maxPriorityFeePerGas")
    assert up.asked[-1] == "eth_maxPriorityFeePerGas"


def test_request_refuses_a_fallback_of_another_chain() -> None:
    with pytest.raises(WrongChainError):
        endpoint_of(FakeChain(is_down=True), FakeChain(chain_id=1)).request("eth_maxPriorityFeePerGas")


def test_verify_chain_refuses_another_chain_id() -> None:
    with pytest.raises(WrongChainError, match="serves chain 1; expected chain 31337"):
        endpoint_of(FakeChain(chain_id=1)).verify_chain()


def test_call_tells_the_custom_error_by_name() -> None:
    data = keccak(text="AgencyRegistryNotAccount(uint32,address)")[:4] + encode(
        ["uint32", "address"], [7, CONTRACT]
    )
    with pytest.raises(RevertedError) as caught:
        endpoint_of(FakeChain(revert_data=data)).call(CONTRACT, b"", "latest")
    assert caught.value.name == "AgencyRegistryNotAccount"
    assert caught.value.facts == {"agency": 7, "caller": CONTRACT}


def test_request_makes_a_refusal_a_chain_error() -> None:
    with pytest.raises(ChainError, match="unknown block"):
        endpoint_of(FakeChain()).request("eth_getLogs", {"blockHash": "0x" + "ab" * 32})


def test_block_parameter_names_a_block_by_hash() -> None:
    reference = BlockRef(5, b"\xab" * 32, 0)
    assert block_parameter(reference) == {"blockHash": "0x" + "ab" * 32}
    assert block_parameter(5) == "0x5"
    assert block_parameter("latest") == "latest"


@pytest.mark.parametrize("url", ["", " , ", "ftp://x", "8545"])
def test_connect_refuses_what_is_no_url(url: str) -> None:
    with pytest.raises(ConfigurationError):
        connect(url, CHAIN_ID)


def test_logs_shrinks_the_range_until_the_endpoint_takes_it() -> None:
    class Narrow(FakeChain):
        """Takes no more than 10 blocks at a time, as public endpoints do."""

        def eth_getLogs(self, where: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
            first, last = int(where["fromBlock"], 16), int(where["toBlock"], 16)
            if last - first >= 10:
                raise RefusalError("query exceeds max block range")
            return [{"block": number} for number in range(first, last + 1)]

    found = list(endpoint_of(Narrow()).logs(3, 500))
    assert [log["block"] for log in found] == list(range(3, 501))


def test_logs_raises_when_not_even_one_block_is_taken() -> None:
    class Closed(FakeChain):
        def eth_getLogs(self, where: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
            raise RefusalError("method not available")

    with pytest.raises(ChainError, match="method not available"):
        list(endpoint_of(Closed()).logs(1, 9))
