from __future__ import annotations

import json
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.errors import KeyringError
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, LOW_KDF_COST, UnlockSecret
from cityledger.sealing.wrap import VaultKey
from cityledger.types import Address, AgencyId, DatasetId, Kem

RandomBytes = Callable[[int], bytes]

SECRET = UnlockSecret.from_passphrase("correct horse")
ACCOUNT_KEY = b"\7" * 32


@pytest.fixture
def randbytes() -> RandomBytes:
    return random.Random(7).randbytes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node" / "keyring"


@pytest.fixture
def keyring(path: Path, randbytes: RandomBytes) -> Keyring:
    made = Keyring.create(path, SECRET, random=randbytes, kdf_cost=DEVNET_KDF_COST)
    made.add_agency(AgencyId(7), random=randbytes, credential_key=ec.generate_private_key(ec.SECP256R1()))
    made.add_agency(AgencyId(12), random=randbytes, kem=Kem.X25519)
    made.add_account(ACCOUNT_KEY)
    return made


def test_open_finds_everything_again(keyring: Keyring, path: Path) -> None:
    again = Keyring.open(path, SECRET)
    assert again.agencies() == keyring.agencies() == [7, 12]
    for agency in keyring.agencies():
        assert again.agency(agency).serialize() == keyring.agency(agency).serialize()
    assert [again.account(address).key for address in again.accounts()] == [ACCOUNT_KEY]


def test_open_refuses_another_passphrase_without_showing_either(keyring: Keyring, path: Path) -> None:
    with pytest.raises(KeyringError, match=r"^keyring\.json cannot be opened: wrong passphrase$"):
        Keyring.open(path, UnlockSecret.from_passphrase("wrong horse"))


def test_open_refuses_a_key_file_where_a_passphrase_unlocks(
    keyring: Keyring, path: Path, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"correct horse".ljust(32, b"!"))
    with pytest.raises(KeyringError, match="unlocked by a passphrase, not by a key file"):
        Keyring.open(path, UnlockSecret.from_key_file(file))


def test_key_file_unlocks(path: Path, tmp_path: Path, randbytes: RandomBytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(randbytes(32))
    Keyring.create(path, UnlockSecret.from_key_file(file), random=randbytes, kdf_cost=DEVNET_KDF_COST)
    Keyring.open(path, UnlockSecret.from_key_file(file))
    file.write_bytes(randbytes(32))
    with pytest.raises(KeyringError, match="wrong key file"):
        Keyring.open(path, UnlockSecret.from_key_file(file))


def test_unlock_secret_refuses_empty_short_and_missing(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"x" * 31)
    with pytest.raises(KeyringError, match="empty"):
        UnlockSecret.from_passphrase("")
    with pytest.raises(KeyringError, match="fewer than 32 bytes"):
        UnlockSecret.from_key_file(short)
    with pytest.raises(KeyringError, match="cannot be read"):
        UnlockSecret.from_key_file(tmp_path / "missing")


def test_passphrase_is_the_same_in_every_unicode_form() -> None:
    assert UnlockSecret.from_passphrase("é") == UnlockSecret.from_passphrase("é")


def entries(path: Path) -> list[str]:
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*.json"))


def test_open_names_the_one_entry_that_was_altered(keyring: Keyring, path: Path) -> None:
    assert len(entries(path)) == 4
    for name in entries(path):
        if name == "keyring.json":
            continue
        file, before = path / name, (path / name).read_bytes()
        at = (
            before.index(b'"ciphertext": "') + 16
            if name.startswith("accounts")
            else before.index(b'"sealed": "') + 60
        )
        file.write_bytes(before[:at] + (b"1" if before[at : at + 1] != b"1" else b"2") + before[at + 1 :])
        with pytest.raises(KeyringError, match=f"^{name} cannot be opened") as caught:
            Keyring.open(path, SECRET)
        assert "horse" not in str(caught.value)
        file.write_bytes(before)
    Keyring.open(path, SECRET)


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"sealed": "zz"}', b'{"sealed": ""}', b"\xff"])
@pytest.mark.parametrize("name", ["keyring.json", "agencies/7.json"])
def test_open_names_the_entry_that_is_none(keyring: Keyring, path: Path, name: str, damage: bytes) -> None:
    (path / name).write_bytes(damage)
    with pytest.raises(KeyringError, match=f"^{name} cannot be opened"):
        Keyring.open(path, SECRET)


def test_open_refuses_entries_that_were_swapped(keyring: Keyring, path: Path) -> None:
    one, other = path / "agencies" / "7.json", path / "agencies" / "12.json"
    other.write_bytes(one.read_bytes())
    with pytest.raises(KeyringError, match=r"^agencies/12\.json cannot be opened"):
        Keyring.open(path, SECRET)


def test_open_refuses_an_entry_of_another_keyring(
    keyring: Keyring, path: Path, tmp_path: Path, randbytes: RandomBytes
) -> None:
    other = Keyring.create(tmp_path / "other", SECRET, random=randbytes, kdf_cost=DEVNET_KDF_COST)
    other.add_agency(AgencyId(7), random=randbytes)
    shutil.copy(tmp_path / "other" / "agencies" / "7.json", path / "agencies" / "7.json")
    with pytest.raises(KeyringError, match=r"^agencies/7\.json cannot be opened"):
        Keyring.open(path, SECRET)


def test_open_refuses_a_stray_file(keyring: Keyring, path: Path) -> None:
    (path / "agencies" / "notes.txt").write_text("x")
    with pytest.raises(KeyringError, match=r"^agencies/notes\.txt cannot be opened"):
        Keyring.open(path, SECRET)


def test_open_skips_what_a_crashed_write_left(keyring: Keyring, path: Path) -> None:
    (path / "agencies" / ".7.json.tmp").write_bytes(b"half")
    Keyring.open(path, SECRET)


def test_open_says_that_there_is_no_keyring(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match=r"^keyring\.json cannot be read"):
        Keyring.open(tmp_path, SECRET)


def test_create_refuses_to_overwrite(keyring: Keyring, path: Path, randbytes: RandomBytes) -> None:
    with pytest.raises(KeyringError, match="already holds a keyring"):
        Keyring.create(path, SECRET, random=randbytes, kdf_cost=DEVNET_KDF_COST)


def test_add_agency_refuses_to_overwrite(keyring: Keyring, randbytes: RandomBytes) -> None:
    with pytest.raises(KeyringError, match="agency 7 already has keys in this keyring"):
        keyring.add_agency(AgencyId(7), random=randbytes)


def test_agency_and_account_that_are_missing_are_named(keyring: Keyring) -> None:
    with pytest.raises(KeyringError, match="no keys of agency 8"):
        keyring.agency(AgencyId(8))
    with pytest.raises(KeyringError, match="no key of account 0x00"):
        keyring.account(Address("0x00"))


def test_files_are_for_their_owner_only(keyring: Keyring, path: Path) -> None:
    for file in [path, *path.rglob("*")]:
        assert stat.S_IMODE(file.stat().st_mode) == (0o700 if file.is_dir() else 0o600), file


def test_low_cost_is_said_in_the_file_and_asked(keyring: Keyring, path: Path) -> None:
    assert keyring.is_low_cost
    assert "devnet only" in json.loads((path / "keyring.json").read_bytes())["kdf"]["note"]


def test_normal_cost_has_no_note_and_its_accounts_are_not_cheap_either(
    path: Path, randbytes: RandomBytes
) -> None:
    made = Keyring.create(path, SECRET, random=randbytes, kdf_cost=LOW_KDF_COST)
    address = made.add_account(ACCOUNT_KEY)
    assert not made.is_low_cost
    assert "note" not in json.loads((path / "keyring.json").read_bytes())["kdf"]
    keystore = json.loads((path / "accounts" / f"{address}.json").read_bytes())
    assert keystore["version"] == 3
    assert keystore["crypto"]["kdfparams"]["n"] == 1 << LOW_KDF_COST


def test_use_vault_key_keeps_the_former_ones(keyring: Keyring, path: Path, randbytes: RandomBytes) -> None:
    first = keyring.agency(AgencyId(7)).vault_key
    second = keyring.add_vault_key(AgencyId(7), random=randbytes)
    assert keyring.agency(AgencyId(7)).vault_key == first
    keyring.use_vault_key(AgencyId(7), 2, random=randbytes)
    again = Keyring.open(path, SECRET).agency(AgencyId(7))
    assert again.vault_keys == {1: first, 2: second}
    assert again.vault_key == second


def test_drop_vault_key_forgets_a_past_epoch_only(
    keyring: Keyring, path: Path, randbytes: RandomBytes
) -> None:
    keyring.add_vault_key(AgencyId(7), random=randbytes)
    keyring.use_vault_key(AgencyId(7), 2, random=randbytes)
    with pytest.raises(KeyringError, match="no past vault key of epoch 2"):
        keyring.drop_vault_key(AgencyId(7), 2, random=randbytes)
    keyring.drop_vault_key(AgencyId(7), 1, random=randbytes)
    assert list(Keyring.open(path, SECRET).agency(AgencyId(7)).vault_keys) == [2]


def test_rotate_sealing_key_keeps_the_former_one(
    keyring: Keyring, path: Path, randbytes: RandomBytes
) -> None:
    first = keyring.agency(AgencyId(12)).sealing_key
    keyring.rotate_sealing_key(AgencyId(12), random=randbytes)
    again = Keyring.open(path, SECRET).agency(AgencyId(12))
    assert again.former_sealing_keys == (first,)
    assert again.sealing_key.kem is Kem.X_WING


def test_record_key_is_stable_and_one_a_dataset(keyring: Keyring, path: Path) -> None:
    keys, again = keyring.agency(AgencyId(7)), Keyring.open(path, SECRET).agency(AgencyId(7))
    one, other = DatasetId(b"1" * 32), DatasetId(b"2" * 32)
    assert keys.record_key(one) == again.record_key(one) != keys.record_key(other)
    assert keys.record_key(one) != keyring.agency(AgencyId(12)).record_key(one)


def test_reprs_show_no_secret(keyring: Keyring) -> None:
    keys = keyring.agency(AgencyId(7))
    vault_key = keys.vault_key
    assert isinstance(vault_key, VaultKey)
    shown = repr(keyring) + repr(keys) + repr(SECRET)
    secrets = [keys.subject_key, keys.record_master_key, vault_key.key, keys.sealing_key.secret]
    for secret in [*secrets, b"correct horse"]:
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    assert "horse" not in shown


def test_a_write_that_fails_leaves_the_old_entry_and_the_old_keys(
    keyring: Keyring, path: Path, randbytes: RandomBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(KeyringError, match=r"7\.json cannot be written: No space left"):
        keyring.add_vault_key(AgencyId(7), random=randbytes)
    assert list(keyring.agency(AgencyId(7)).vault_keys) == [1]
    assert list(Keyring.open(path, SECRET).agency(AgencyId(7)).vault_keys) == [1]
