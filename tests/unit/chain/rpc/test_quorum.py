from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityledger.chain.rpc import quorum
from cityledger.chain.rpc.methods import Belief
from cityledger.chain.rpc.quorum import NotProvenError, Quorum, RefutedError, belief_of
from cityledger.chain.rpc.upstream import HealthState, RpcAnswer, Upstream
from cityledger.errors import ChainUnavailableError

Result = Callable[[], dict[str, Any]]
CODE = [("eth_getCode", ["0x" + "11" * 20, "0x1"])]
NONCE = [("eth_getTransactionCount", ["0x" + "11" * 20, "latest"])]


def ok(result: Any) -> Result:
    return lambda: {"id": 0, "result": result}


def refused(message: str = "limit exceeded") -> Result:
    return lambda: {"id": 0, "error": {"code": -32005, "message": message}}


def reverted(data: str = "0x12345678") -> Result:
    return lambda: {"id": 0, "error": {"code": 3, "message": "execution reverted", "data": data}}


def silent() -> dict[str, Any]:
    raise OSError("no route")


class Saying:
    """A provider that says the same to everything."""

    def __init__(self, say: Result) -> None:
        self.say = say
        self.asked = 0

    def make_request(self, method: str, params: Any) -> Any:
        self.asked += 1
        return self.say()

    def make_batch_request(self, requests: Any) -> Any:
        self.asked += 1
        return [{**self.say(), "id": place} for place, _ in enumerate(requests)]


class Together:
    def __init__(self, *says: Result) -> None:
        self.providers = [Saying(say) for say in says]
        self.upstreams = [Upstream(f"url {at}", one, lambda: 0.0) for at, one in enumerate(self.providers)]
        self.paused = 0
        self.quorum = Quorum(len(says), lambda _upstream: None, sleep=self._pause)

    def _pause(self, _seconds: float) -> None:
        self.paused += 1

    def agree(self, requests: Any = CODE) -> RpcAnswer:
        return self.quorum.agree(requests, self.upstreams)[0]

    def states(self) -> list[HealthState]:
        return [one.state for one in self.upstreams]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("lie", [ok("0x66"), refused(), reverted(), silent, ok(None), ok(7)])
def test_of_three_the_two_that_agree_are_believed(place: int, lie: Result) -> None:
    says = [ok("0x11"), ok("0x11")]
    says.insert(place, lie)
    assert Together(*says).agree().result == "0x11"


def test_two_are_used_where_they_agree_and_a_third_where_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quorum, "HEDGE_SECONDS", 30)
    agreeing = Together(ok("0x11"), ok("0x11"), ok("0x11"))
    agreeing.agree()
    assert [one.asked for one in agreeing.providers] == [1, 1, 0]
    arguing = Together(ok("0x66"), ok("0x11"), ok("0x11"))
    arguing.agree()
    assert [one.asked for one in arguing.providers] == [1, 1, 1]


def test_a_majority_that_refuses_or_reverts_is_believed() -> None:
    assert Together(ok("0x66"), reverted(), reverted()).agree().reverted
    assert Together(ok("0x66"), refused("unknown block"), refused("no header")).agree().error


def test_three_that_differ_and_two_that_are_silent_decide_nothing() -> None:
    with pytest.raises(ChainUnavailableError, match="disagree about eth_getCode"):
        Together(ok("0x11"), ok("0x22"), ok("0x33")).agree()
    with pytest.raises(ChainUnavailableError, match="too few"):
        Together(ok("0x11"), silent, silent).agree()
    with pytest.raises(ChainUnavailableError, match="no endpoint answers"):
        Together(silent, silent, silent).agree()


def test_one_that_lacks_a_block_for_a_moment_is_tried_again() -> None:
    late = Together(ok("0x66"), refused("unknown block"), ok("0x11"))
    answers = iter([refused("unknown block"), ok("0x11")])
    late.providers[1].say = lambda: next(answers)()
    assert late.agree().result == "0x11"
    assert late.paused == 1


def test_two_stand_in_for_each_other_and_may_not_contradict() -> None:
    assert Together(ok("0x11"), silent).agree().result == "0x11"
    assert Together(refused(), ok("0x11")).agree().result == "0x11"
    with pytest.raises(ChainUnavailableError, match="disagree"):
        Together(ok("0x11"), ok("0x22")).agree()
    assert Together(refused(), refused()).agree().error
    receipt = [("eth_getTransactionReceipt", ["0x11"])]
    assert Together(ok(None), ok(None)).agree(receipt).result is None


@given(
    honest=st.lists(st.integers(0, 2**64), min_size=2, max_size=2),
    lie=st.integers(0, 2**256),
    place=st.integers(0, 2),
)
@settings(deadline=None, max_examples=30)
def test_middle_of_three_is_between_the_honest(honest: list[int], lie: int, place: int) -> None:
    says = [ok(hex(number)) for number in honest]
    says.insert(place, ok(hex(lie)))
    found = int(Together(*says).agree(NONCE).result, 16)
    assert min(honest) <= found <= max(honest)


def test_three_strikes_make_a_url_unreliable_and_an_answer_between_starts_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quorum, "HEDGE_SECONDS", 30)
    three = Together(refused(), ok("0x11"), ok("0x11"))
    for _ in range(2):
        three.agree()
    three.providers[0].say = ok("0x11")
    three.agree()
    three.providers[0].say = refused()
    for _ in range(2):
        three.agree()
    assert three.states()[0] is HealthState.OK
    three.agree()
    assert three.states() == [HealthState.UNRELIABLE, HealthState.OK, HealthState.OK]


def proving(wanted: str, *, is_lie: bool = True) -> Callable[[list[RpcAnswer]], str]:
    def check(answers: list[RpcAnswer]) -> str:
        if answers[0].result != wanted:
            raise RefutedError("it is another", is_lie=is_lie)
        return wanted

    return check


def test_prove_accepts_the_first_that_passes_and_marks_the_liars() -> None:
    three = Together(ok("0x66"), refused(), ok("0x11"))
    upstream, found = three.quorum.prove(CODE, three.upstreams, proving("0x11"))
    assert (upstream, found) == (three.upstreams[2], "0x11")
    assert three.states() == [HealthState.UNRELIABLE, HealthState.OK, HealthState.OK]


def test_prove_marks_no_url_where_none_passes() -> None:
    three = Together(ok("0x66"), ok("0x66"), silent)
    with pytest.raises(NotProvenError, match="url 0: it is another; url 1: it is another"):
        three.quorum.prove(CODE, three.upstreams, proving("0x11"))
    assert three.states()[:2] == [HealthState.OK, HealthState.OK]


def test_one_that_hangs_delays_no_other() -> None:
    release = threading.Event()

    def hang() -> dict[str, Any]:
        release.wait(30)
        return {"id": 0, "result": "0x11"}

    three = Together(hang, ok("0x11"), ok("0x11"))
    try:
        assert three.agree().result == "0x11"
        assert three.quorum.prove(CODE, three.upstreams, proving("0x11"))[1] == "0x11"
        assert [one[0].result for one in three.quorum.ask_every(CODE, three.upstreams)] == ["0x11", "0x11"]
        assert not release.is_set()
    finally:
        release.set()


def test_belief_of_numbers_at_a_block_hash_needs_a_majority() -> None:
    at: Sequence[object] = ["0x" + "11" * 20, {"blockHash": "0x00", "requireCanonical": True}]
    assert belief_of([("eth_getTransactionCount", at)]) is Belief.MAJORITY
    assert belief_of(NONCE) is Belief.MEDIAN
    with pytest.raises(ValueError, match="different kinds"):
        belief_of([("eth_chainId", []), ("eth_sendRawTransaction", ["0x"])])
