from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account

from cityledger.errors import InputError, VerificationError
from cityledger.proofs.leaves import ReceiptDomain, Tombstone
from cityledger.proofs.tombstone_object import (
    TombstoneObject,
    from_bytes,
    object_key,
    signed,
    signer_of,
    to_bytes,
)
from cityledger.types import Address, ErasureReason, LeafHash, LogId

OPERATOR = Account.from_key(b"\x07" * 32)
DOMAIN = ReceiptDomain(31337, Address("0x" + "11" * 20))
LEAF = Tombstone(b"\x01" * 32, LogId(3), 9, LeafHash(b"\x02" * 32), ErasureReason.LAW, 100, 200)
OBJECT = signed(TombstoneObject(LEAF, LogId(2), 4), DOMAIN, OPERATOR)


def test_from_bytes_reads_what_to_bytes_wrote_and_knows_who_signed() -> None:
    assert from_bytes(to_bytes(OBJECT)) == OBJECT
    assert signer_of(OBJECT, DOMAIN) == OPERATOR.address


@pytest.mark.parametrize(
    "altered",
    [
        replace(OBJECT, erased_seq=5),
        replace(OBJECT, erased_log=LogId(3)),
        replace(OBJECT, leaf=replace(LEAF, erased_leaf=LeafHash(b"\x03" * 32))),
        replace(OBJECT, leaf=replace(LEAF, instance=b"\x05" * 32)),
    ],
)
def test_signer_of_is_another_for_an_altered_object(altered: TombstoneObject) -> None:
    try:
        found = signer_of(altered, DOMAIN)
    except VerificationError:
        return
    assert found != OPERATOR.address


def test_signer_of_is_another_in_another_ledger() -> None:
    other = ReceiptDomain(31337, Address("0x" + "12" * 20))
    assert signer_of(OBJECT, other) != OPERATOR.address


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"cityledger-tombstone/1", b"cityledger-tombstone/2"),
        (b'"erasedSeq":"4"', b'"erasedSeq":"04"'),
        (b'"erasedSeq":"4"', b'"erasedSeq":4'),
        (b'"signature":"0x', b'"signature":"0xzz'),
        (b'"type":"Tombstone"', b'"type":"RecordLeaf"'),
        (b'"format"', b'"extra":1,"format"'),
        (b"{", b""),
    ],
)
def test_from_bytes_refuses_another_form(old: bytes, new: bytes) -> None:
    data = to_bytes(OBJECT)
    assert old in data
    with pytest.raises(InputError):
        from_bytes(data.replace(old, new, 1))


def test_object_key_names_operator_and_number() -> None:
    assert object_key(Address("0xAB"), LogId(3), 9) == "tombstones/0xab/3/9.json"
