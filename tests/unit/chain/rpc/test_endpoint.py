from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from cityledger.chain.rpc.endpoint import Endpoint, block_parameter, connect, masked
from cityledger.chain.rpc.upstream import Upstream
from cityledger.errors import (
    ChainError,
    ChainUnavailableError,
    ConfigurationError,
    RevertedError,
    WrongChainError,
)
from cityledger.types import Address, BlockRef
from support.chain.fake_chain import CHAIN_ID, FakeChain, RefusalError

CONTRACT = Address("0x" + "11" * 20)


def log_of(number: int) -> dict[str, Any]:
    word = "0x" + "00" * 32
    return {
        "address": CONTRACT,
        "topics": [word],
        "data": "0x",
        "blockNumber": hex(number),
        "blockHash": word,
        "transactionHash": word,
        "logIndex": "0x0",
    }


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
    assert up.methods[-1] == "eth_maxPriorityFeePerGas"


def test_request_refuses_a_fallback_of_another_chain() -> None:
    with pytest.raises(WrongChainError):
        endpoint_of(FakeChain(is_down=True), FakeChain(chain_id=1)).request("eth_maxPriorityFeePerGas")


def test_verify_chain_refuses_another_chain_id() -> None:
    with pytest.raises(WrongChainError, match="serves chain 1; expected chain 31337"):
        endpoint_of(FakeChain(chain_id=1)).verify_chain()


def test_call_raises_the_custom_error_by_name() -> None:
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
    assert block_parameter(reference) == {"blockHash": "0x" + "ab" * 32, "requireCanonical": True}
    assert block_parameter(5) == "0x5"
    assert block_parameter("latest") == "latest"


@pytest.mark.parametrize("url", ["", " , ", "ftp://x", "8545"])
def test_connect_refuses_what_is_no_url(url: str) -> None:
    with pytest.raises(ConfigurationError):
        connect(url, CHAIN_ID)


def test_logs_shrinks_the_range_until_the_endpoint_accepts_it() -> None:
    class Narrow(FakeChain):
        """Accepts at most 10 blocks at a time, as public endpoints do."""

        def eth_getLogs(self, where: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
            first, last = int(where["fromBlock"], 16), int(where["toBlock"], 16)
            if last - first >= 10:
                raise RefusalError("query exceeds max block range")
            return [log_of(number) for number in range(first, last + 1)]

    found = list(endpoint_of(Narrow()).logs(3, 500))
    assert [int(log["blockNumber"], 16) for log in found] == list(range(3, 501))


def test_logs_raises_when_not_even_one_block_is_taken() -> None:
    class Closed(FakeChain):
        def eth_getLogs(self, where: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
            raise RefusalError("method not available")

    with pytest.raises(ChainError, match="method not available"):
        list(endpoint_of(Closed()).logs(1, 9))


class Together:
    """An endpoint over several chains in memory, with the test's clock; checks at ill URLs happen at once."""

    def __init__(self, *chains: FakeChain) -> None:
        self.seconds = 0.0
        providers = [(f"chain {number}", chain) for number, chain in enumerate(chains)]
        self.endpoint = Endpoint(
            CHAIN_ID, providers, monotonic=lambda: self.seconds, spawn=lambda look: look()
        )

    def states(self) -> list[str]:
        return [one.state.value for one in self.endpoint.health()]

    def head(self, acted_on: int = 0) -> int:
        return int(self.endpoint.head(acted_on)["number"], 16)


class Broken(FakeChain):
    """Answers, but not as JSON-RPC says."""

    answer: Any = None

    def make_request(self, method: str, params: Any) -> Any:
        return self.answer

    def make_batch_request(self, requests: Any) -> Any:
        return self.answer


def test_the_preferred_url_is_used_again_once_it_is_healthy() -> None:
    first, second = FakeChain(is_down=True), FakeChain()
    both = Together(first, second)
    both.endpoint.request("eth_maxPriorityFeePerGas")
    assert both.states() == ["unreachable", "ok"]
    first.is_down, both.seconds = False, 0.9
    both.endpoint.request("eth_maxPriorityFeePerGas")
    assert first.methods == [], "not before the pause is over"
    both.seconds = 1.0
    both.endpoint.request("eth_maxPriorityFeePerGas")
    assert first.methods[-1] == "eth_maxPriorityFeePerGas"
    assert both.states() == ["ok", "ok"]


def test_pauses_grow_while_a_url_stays_unhealthy() -> None:
    first = FakeChain(is_down=True)
    both = Together(first, FakeChain())
    checks: list[float] = []
    check = both.endpoint._check

    def recorded_check(upstream: Upstream) -> None:
        checks.append(both.seconds)
        check(upstream)

    both.endpoint._check = recorded_check  # type: ignore[method-assign]
    for _ in range(100):
        both.endpoint.request("eth_maxPriorityFeePerGas")
        both.seconds += 1
    assert checks == [1, 3, 7, 15, 31, 61, 91]


def test_a_url_of_another_chain_is_marked_and_never_used_again() -> None:
    other = FakeChain(chain_id=1)
    both = Together(other, FakeChain())
    for _ in range(3):
        both.endpoint.request("eth_maxPriorityFeePerGas")
    assert both.states() == ["wrong chain", "ok"]
    assert other.methods == ["eth_chainId"]
    assert both.endpoint.health()[0].shown_url == "chain 0"


@pytest.mark.parametrize(
    "answer",
    [None, [], "text", {}, {"id": 1}, [{"id": 1, "result": "0x1"}], [{"id": 1}, {"id": 1}], [None, None]],
)
def test_answers_that_are_no_json_rpc_are_no_answers(answer: Any) -> None:
    broken = Broken()
    broken.answer = answer
    with pytest.raises(ChainUnavailableError):
        endpoint_of(broken).request("eth_getTransactionReceipt", "0x00")
    with pytest.raises(ChainUnavailableError):
        endpoint_of(broken).request_many([("eth_chainId", []), ("eth_chainId", [])])
    assert endpoint_of(broken, FakeChain()).request("eth_chainId") == hex(CHAIN_ID)


def test_head_of_one_url_asks_once() -> None:
    chain = FakeChain(height=9)
    assert Together(chain).head(acted_on=20) == 9, "whether it is behind is the indexer's question"
    assert chain.methods == ["eth_getBlockByNumber"] * 2, "the newest and the final one, in one round trip"


def test_head_is_the_preferred_urls_while_it_keeps_up() -> None:
    assert Together(FakeChain(height=9), FakeChain(height=10)).head() == 9


def test_head_passes_over_a_lagging_url_and_does_not_go_below_what_was_acted_on() -> None:
    slow, quick = FakeChain(height=10), FakeChain(height=30)
    both = Together(slow, quick)
    assert both.head() == 30
    assert both.states() == ["lagging", "ok"]
    both.endpoint.request("eth_maxPriorityFeePerGas")
    assert quick.methods[-1] == "eth_maxPriorityFeePerGas"
    quick.is_down = True
    with pytest.raises(ChainUnavailableError, match="too few endpoints have block 30"):
        both.head(acted_on=30)
    slow.height = 31
    assert both.head(acted_on=30) == 31


def test_head_is_none_when_two_urls_disagree_and_comes_back_when_they_agree() -> None:
    one, other = FakeChain(height=9), FakeChain(height=9, fork_at=5)
    both = Together(one, other)
    with pytest.raises(ChainUnavailableError, match="disagree"):
        both.head()
    assert both.states() == ["disagrees", "disagrees"]
    with pytest.raises(ChainUnavailableError):
        both.endpoint.request("eth_maxPriorityFeePerGas")
    other.height = 4
    assert both.head() == 9


def test_head_of_a_majority_is_used_and_the_others_are_not() -> None:
    wrong = FakeChain(height=12, fork_at=5)
    three = Together(wrong, FakeChain(height=9), FakeChain(height=9))
    assert three.head() == 9
    assert three.states() == ["disagrees", "ok", "ok"]
    before = len(wrong.methods)
    three.endpoint.request("eth_maxPriorityFeePerGas")
    assert len(wrong.methods) == before


@pytest.mark.parametrize("liar", [0, 1, 2])
def test_head_of_three_urls_is_never_one_that_a_single_url_has(liar: int) -> None:
    chains = [FakeChain(height=9), FakeChain(height=9), FakeChain(height=9)]
    chains[liar].height = 12
    three = Together(*chains)
    assert three.head() == 9
    chains[(liar + 1) % 3].height = 11
    assert three.head(acted_on=9) == (9 if liar == 1 else 11), "the preferred one may be a block behind"
    assert three.states() == ["ok", "ok", "ok"]


def test_head_of_three_urls_needs_two_that_answer() -> None:
    chains = [FakeChain(height=9), FakeChain(height=9), FakeChain(height=9)]
    three = Together(*chains)
    chains[0].is_down = True
    assert three.head() == 9
    chains[1].is_down = True
    with pytest.raises(ChainUnavailableError, match="too few endpoints answer"):
        three.head()
