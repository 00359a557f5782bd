from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_account import Account

from cityledger.errors import ConfigurationError, KeyringError, KeyUnavailableError
from cityledger.key_sources.web3signer import Web3Signer
from cityledger.signing import LocalSigner
from support.node.remote_signer import RemoteSigner, remote_signer

pytestmark = pytest.mark.loopback(reason="its requests go to a signer")

ALICE = Account.from_key("0x" + "01" * 32)
BOB = Account.from_key("0x" + "02" * 32)


@pytest.fixture
def remote() -> Iterator[RemoteSigner]:
    with remote_signer(ALICE) as signer:
        yield signer


def test_sign_gives_what_the_key_itself_would_sign(remote: RemoteSigner) -> None:
    signer = Web3Signer.connect(remote.url, ALICE.address)
    assert signer.address == ALICE.address
    assert signer.sign(b"preimage") == LocalSigner(ALICE).sign(b"preimage")
    assert remote.requests == [b"preimage"]


def test_connect_refuses_a_signer_without_the_key(remote: RemoteSigner) -> None:
    with pytest.raises(KeyringError, match=f"does not hold the key of {BOB.address}"):
        Web3Signer.connect(remote.url, BOB.address)


def test_sign_refuses_another_accounts_signature(remote: RemoteSigner) -> None:
    signer = Web3Signer.connect(remote.url, ALICE.address)
    remote.answers = "0x" + LocalSigner(BOB).sign(b"preimage").hex()
    with pytest.raises(KeyringError, match="another account's signature"):
        signer.sign(b"preimage")


@pytest.mark.parametrize("answer", ["", "0x", "no hex", "0x" + "11" * 64])
def test_sign_refuses_an_answer_that_is_not_a_signature(remote: RemoteSigner, answer: str) -> None:
    signer = Web3Signer.connect(remote.url, ALICE.address)
    remote.answers = answer or " "
    with pytest.raises(KeyUnavailableError, match="65 bytes"):
        signer.sign(b"preimage")


def test_sign_reads_no_more_than_a_megabyte_of_an_answer(remote: RemoteSigner) -> None:
    signer = Web3Signer.connect(remote.url, ALICE.address)
    remote.answers = " " * 1_048_577
    with pytest.raises(KeyUnavailableError, match="more than 1048576 bytes"):
        signer.sign(b"preimage")


def test_sign_says_that_the_signer_refuses_and_works_again_afterwards(remote: RemoteSigner) -> None:
    signer = Web3Signer.connect(remote.url, ALICE.address)
    remote.is_down = True
    with pytest.raises(KeyUnavailableError, match="status 503"):
        signer.sign(b"preimage")
    remote.is_down = False
    assert signer.sign(b"preimage") == LocalSigner(ALICE).sign(b"preimage")


def test_connect_says_that_nothing_answers_without_repeating_the_url() -> None:
    with remote_signer(ALICE) as gone:
        url = gone.url.replace("127.0.0.1", "user:word@127.0.0.1")
    with pytest.raises(KeyUnavailableError, match="does not answer: ConnectError") as refused:
        Web3Signer.connect(url, ALICE.address)
    assert "word" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://signer.city:9000", "http://10.0.0.1", "ftp://127.0.0.1", "signer"])
def test_connect_refuses_an_unprotected_url(url: str) -> None:
    with pytest.raises(ConfigurationError, match="https://…, or http:// on loopback"):
        Web3Signer.connect(url, ALICE.address)


@pytest.mark.parametrize("answer", ["not JSON", '{"keys": []}', "null"])
def test_connect_refuses_a_list_that_is_not_one(
    remote: RemoteSigner, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("support.node.remote_signer.json.dumps", lambda _keys: answer)
    with pytest.raises((KeyringError, KeyUnavailableError), match=r"does not hold|did not answer with JSON"):
        Web3Signer.connect(remote.url, ALICE.address)
