"""Against SoftHSM, a real PKCS #11 library."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pkcs11.exceptions import GeneralError

from cityledger.errors import KeyringError, KeyUnavailableError, SealingError
from cityledger.keccak import keccak
from cityledger.key_sources import pkcs11_keys
from cityledger.key_sources.pkcs11_keys import TokenSigner, TokenVaultKey
from cityledger.key_sources.pkcs11_uri import Pkcs11Uri, parse_pkcs11
from cityledger.proofs.signatures import recover_signer
from support.node.security_module import SoftToken, make_account, make_vault_key

NONCE, DATA_KEY = b"n" * 12, b"d" * 32


def uri(token: SoftToken, label: str, extra: str = "") -> Pkcs11Uri:
    return parse_pkcs11(token.uri(label, extra).removeprefix("pkcs11:"), Path())


def test_signer_signs_as_the_account_of_its_public_key(token: SoftToken) -> None:
    make_account(token, "operator")
    signer = TokenSigner(uri(token, "operator"))
    for number in range(16):  # half of a module's signatures have a high s
        preimage = number.to_bytes(2, "big")
        assert recover_signer(keccak(preimage), signer.sign(preimage)) == signer.address


def test_signer_may_be_used_by_many_threads(token: SoftToken) -> None:
    make_account(token, "shared")
    signer, made = TokenSigner(uri(token, "shared")), []
    threads = [threading.Thread(target=lambda: made.append(signer.sign(b"x"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [recover_signer(keccak(b"x"), one) for one in made] == [signer.address] * 8


def test_a_call_that_hangs_holds_no_other_caller(token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs11_keys, "WAIT_SECONDS", 0.01)
    make_account(token, "hanging")
    signer, inside, goes_on = TokenSigner(uri(token, "hanging")), threading.Event(), threading.Event()

    def hang(_key: object) -> None:
        inside.set()
        goes_on.wait(20)

    thread = threading.Thread(target=signer._key.use, args=(hang,))
    thread.start()
    assert inside.wait(20)
    with pytest.raises(KeyUnavailableError):
        signer.sign(b"x")
    goes_on.set()
    thread.join()
    assert recover_signer(keccak(b"x"), signer.sign(b"x")) == signer.address


def test_signer_refuses_another_curve(token: SoftToken) -> None:
    make_account(token, "p256", "1.2.840.10045.3.1.7")
    with pytest.raises(KeyringError, match="not on secp256k1"):
        TokenSigner(uri(token, "p256"))


def test_vault_key_opens_what_it_sealed_and_nothing_else(token: SoftToken) -> None:
    make_vault_key(token, "vault-3-1")
    make_vault_key(token, "vault-3-2")
    first, second = (TokenVaultKey(epoch, uri(token, f"vault-3-{epoch}")) for epoch in (1, 2))
    sealed = first.encrypt(NONCE, DATA_KEY, b"record")
    assert (len(sealed), first.decrypt(NONCE, sealed, b"record")) == (48, DATA_KEY)
    for key, nonce, data, associated in (
        (second, NONCE, sealed, b"record"),
        (first, NONCE, sealed, b"another"),
        (first, b"m" * 12, sealed, b"record"),
        (first, NONCE, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"record"),
    ):
        with pytest.raises(SealingError, match="was altered"):
            key.decrypt(nonce, data, associated)
    assert first.decrypt(NONCE, sealed, b"record") == DATA_KEY


def test_missing_key_is_found_at_start(token: SoftToken) -> None:
    with pytest.raises(KeyringError, match="key 'no-such-key' of token 'city' cannot be opened: NoSuchKey"):
        TokenVaultKey(1, uri(token, "no-such-key"))


def test_wrong_pin_is_found_at_start_and_not_repeated(locked_token: SoftToken, tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("0000")
    with pytest.raises(KeyringError, match="cannot be opened: PinIncorrect") as refused:
        TokenVaultKey(1, uri(locked_token, "vault-9-1", f"&pin-source={tmp_path / 'pin'}"))
    assert "0000" not in str(refused.value)


def test_missing_token_is_named(token: SoftToken) -> None:
    with pytest.raises(KeyringError, match="token 'none' cannot be opened: NoSuchToken"):
        TokenVaultKey(1, Pkcs11Uri(token.module, "none", "x", "1"))


def test_lost_session_is_opened_again(token: SoftToken) -> None:
    make_vault_key(token, "vault-4-1")
    key = TokenVaultKey(1, uri(token, "vault-4-1"))
    sealed = key.encrypt(NONCE, DATA_KEY, b"record")
    key._key._token._session.close()
    assert key.decrypt(NONCE, sealed, b"record") == DATA_KEY


def test_failing_module_is_not_taken_for_altered_bytes(
    token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_vault_key(token, "vault-5-1")
    key = TokenVaultKey(1, uri(token, "vault-5-1"))
    sealed = key.encrypt(NONCE, DATA_KEY, b"record")

    class Failing:
        def encrypt(self, *_: object, **__: object) -> bytes:
            raise GeneralError

        decrypt = encrypt

    monkeypatch.setattr(key._key, "_find", lambda _session: Failing())
    key._key._key = None
    with pytest.raises(KeyUnavailableError, match="the security module failed: GeneralError"):
        key.decrypt(NONCE, sealed, b"record")


def test_token_that_is_gone_at_run_time_is_out_of_reach(
    token: SoftToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_vault_key(token, "vault-6-1")
    key = TokenVaultKey(1, uri(token, "vault-6-1"))
    monkeypatch.setattr(key._key._token, "_uri", Pkcs11Uri(token.module, "none", "x", "1"))
    key._key._token.forget()
    with pytest.raises(KeyUnavailableError, match="token 'none' cannot be opened"):
        key.encrypt(NONCE, DATA_KEY, b"record")
