from __future__ import annotations

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Broadcast, Call, Fees
from cityledger.errors import ChainError, ChainUnavailableError, RevertedError
from cityledger.types import Address
from support.chain.fake_chain import CHAIN_ID, FakeChain

ALICE = Account.from_key("0x" + "01" * 32)
CALL = Call(Address("0x" + "11" * 20), b"\x01\x02\x03\x04", "Contract.function")
LIMITED = Call(CALL.to, CALL.data, CALL.what, gas=100_000)
FEES = Fees(3 * 10**9, 10**9)


def sender_of(chain: FakeChain, monotonic: float = 0.0) -> Sender:
    """Its clock moves by each sleep, so waiting is immediate."""
    now = [monotonic]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return Sender(
        Endpoint(CHAIN_ID, [("fake", chain)]), timeout_seconds=5, monotonic=lambda: now[0], sleep=sleep
    )


def test_sign_gives_the_same_bytes_again() -> None:
    sender = sender_of(FakeChain())
    assert sender.sign(ALICE, 0, LIMITED, FEES) == sender.sign(ALICE, 0, LIMITED, FEES)


@given(
    st.integers(0, 2**64 - 1),
    st.binary(max_size=200),
    st.integers(1, 2**62),
    st.integers(0, 2**62),
    st.booleans(),
)
def test_sign_gives_the_bytes_of_eth_account(
    nonce: int, data: bytes, gas: int, fee: int, creates: bool
) -> None:
    to = None if creates else CALL.to
    made = sender_of(FakeChain()).sign(ALICE, nonce, Call(to, data, "x", gas=gas), Fees(fee, fee // 3))
    fields = {
        "type": 2,
        "chainId": CHAIN_ID,
        "nonce": nonce,
        "data": data,
        "value": 0,
        "gas": gas,
        "maxFeePerGas": fee,
        "maxPriorityFeePerGas": fee // 3,
    }
    expected = Account.sign_transaction(fields if creates else {**fields, "to": to}, ALICE.key)
    assert (made.raw, made.hash) == (bytes(expected.raw_transaction), bytes(expected.hash))


def test_sign_refuses_a_call_without_limit() -> None:
    with pytest.raises(ChainError, match="no gas limit"):
        sender_of(FakeChain()).sign(ALICE, 0, CALL, FEES)


def test_sign_hash_is_the_nodes_hash() -> None:
    chain = FakeChain()
    signed = sender_of(chain).sign(ALICE, 0, LIMITED, FEES)
    assert chain.eth_sendRawTransaction("0x" + signed.raw.hex()) == "0x" + signed.hash.hex()


def test_broadcast_reports_already_known() -> None:
    sender = sender_of(FakeChain(automine=False))
    signed = sender.sign(ALICE, 0, LIMITED, FEES)
    assert sender.broadcast(signed.raw) is Broadcast.ACCEPTED
    assert sender.broadcast(signed.raw) is Broadcast.ALREADY_KNOWN


def test_broadcast_reports_nonce_too_low() -> None:
    sender = sender_of(FakeChain())
    signed = sender.sign(ALICE, 0, LIMITED, FEES)
    sender.broadcast(signed.raw)
    assert sender.broadcast(signed.raw) is Broadcast.NONCE_TOO_LOW


def test_broadcast_reports_underpriced() -> None:
    sender = sender_of(FakeChain(automine=False))
    sender.broadcast(sender.sign(ALICE, 0, LIMITED, FEES).raw)
    assert sender.broadcast(sender.sign(ALICE, 0, LIMITED, FEES.raised()).raw) is Broadcast.UNDERPRICED


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("already known", Broadcast.ALREADY_KNOWN),  # geth
        ("AlreadyKnown", Broadcast.ALREADY_KNOWN),  # nethermind
        ("Known transaction", Broadcast.ALREADY_KNOWN),  # besu
        ("transaction already imported", Broadcast.ALREADY_KNOWN),  # anvil
        ("nonce too low: address 0x1, tx: 0 state: 1", Broadcast.NONCE_TOO_LOW),
        ("Nonce too low", Broadcast.NONCE_TOO_LOW),
        ("OldNonce", Broadcast.NONCE_TOO_LOW),
        ("replacement transaction underpriced", Broadcast.UNDERPRICED),
        ("FeeTooLow, MaxFeePerGas too low", Broadcast.UNDERPRICED),  # nethermind
        ("ReplacementNotAllowed", Broadcast.UNDERPRICED),
        ("max fee per gas less than block base fee", Broadcast.UNDERPRICED),
    ],
)
def test_broadcast_knows_the_messages_of_several_nodes(message: str, outcome: Broadcast) -> None:
    class Refusing(FakeChain):
        def make_request(self, method: str, params: object) -> dict[str, object]:
            return {"error": {"code": -32000, "message": message}}

    assert sender_of(Refusing()).broadcast(b"\x02") is outcome


def test_broadcast_raises_what_sending_again_cannot_fix() -> None:
    class Poor(FakeChain):
        def make_request(self, method: str, params: object) -> dict[str, object]:
            return {"error": {"code": -32003, "message": "insufficient funds for gas * price + value"}}

    with pytest.raises(ChainError, match="insufficient funds"):
        sender_of(Poor()).broadcast(b"\x02")


def test_transact_many_uses_consecutive_nonces() -> None:
    chain = FakeChain()
    receipts = sender_of(chain).transact_many(ALICE, [CALL, LIMITED, CALL])
    assert [receipt.succeeded for receipt in receipts] == [True, True, True]
    assert chain.nonces == {ALICE.address: 3}


def test_transact_many_sends_all_before_it_waits() -> None:
    chain = FakeChain(automine=False)
    with pytest.raises(ChainUnavailableError, match="3 transactions not mined"):
        sender_of(chain).transact_many(ALICE, [LIMITED] * 3)
    assert [pooled["nonce"] for pooled in chain.pool.values()] == [0, 1, 2]


def test_transact_sends_nothing_when_it_would_revert() -> None:
    chain = FakeChain(revert_data=keccak(text="RecordLedgerNoBatches()")[:4])
    with pytest.raises(RevertedError) as caught:
        sender_of(chain).transact(ALICE, CALL)
    assert caught.value.name == "RecordLedgerNoBatches"
    assert "eth_sendRawTransaction" not in chain.methods


def test_transact_raises_the_reason_of_a_mined_revert() -> None:
    chain = FakeChain(revert_data=keccak(text="RecordLedgerNoBatches()")[:4])
    with pytest.raises(RevertedError) as caught:
        sender_of(chain).transact(ALICE, LIMITED)
    assert caught.value.name == "RecordLedgerNoBatches"
    assert "eth_sendRawTransaction" in chain.methods


def test_transact_raises_when_another_program_used_the_nonce() -> None:
    class Raced(FakeChain):
        def eth_getTransactionCount(self, account: str, block: str) -> str:  # noqa: N802
            self.nonces[account] = 1
            return "0x0"

    with pytest.raises(ChainError, match="nonce 0 is used already"):
        sender_of(Raced()).transact(ALICE, LIMITED)


def test_fees_hold_several_full_blocks() -> None:
    assert sender_of(FakeChain()).fees() == Fees(max_fee=3 * 10**9, max_priority_fee=10**9)


def test_raised_is_enough_for_a_replacement() -> None:
    assert Fees(8, 0).raised() == Fees(10, 1)


@pytest.mark.parametrize("to", [CALL.to, None])
def test_read_gives_back_what_was_signed(to: Address | None) -> None:
    call = Call(to, b"\x01\x02", "Contract.function", gas=77_000)
    sender = sender_of(FakeChain())
    read = sender.read(sender.sign(ALICE, 7, call, FEES).raw)
    assert (read.nonce, read.fees) == (7, FEES)
    assert (read.call.to, read.call.data, read.call.gas) == (to, b"\x01\x02", 77_000)


def test_wait_any_sees_a_candidate_that_comes_later() -> None:
    chain = FakeChain()
    sender = sender_of(chain)
    original = sender.sign(ALICE, 0, LIMITED, FEES)
    replacement = sender.sign(ALICE, 0, LIMITED, FEES.raised())
    calls: list[list[bytes]] = []

    def candidates() -> list[bytes]:
        if calls:
            sender.broadcast(replacement.raw)
            calls.append([original.hash, replacement.hash])
        else:
            calls.append([original.hash])
        return calls[-1]

    assert sender.wait_any(candidates).transaction == replacement.hash
    assert len(calls) == 2


def test_wait_any_gives_up_in_time() -> None:
    with pytest.raises(ChainUnavailableError, match="not mined in 5 s"):
        sender_of(FakeChain()).wait_any(lambda: [b"\x07" * 32])
