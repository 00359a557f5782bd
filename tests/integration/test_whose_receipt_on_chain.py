"""The two verifiers ask a real chain for the operator at a block, and find the same account."""

from __future__ import annotations

from contextlib import closing
from types import ModuleType

import pytest

from cityledger.client import RpcLedgerReader
from cityledger.proofs.leaves import ReceiptDomain, receipt_signing_digest, sign_receipt
from cityledger.types import LogId, LogKind
from support.city.deployed_city import DeployedCity, account, address
from support.script_modules import load_script
from support.store.receipt_files import RECEIPT

pytestmark = pytest.mark.chain
AGENCY, FIRST, SECOND = 3, 5, 6


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("verify_receipt")


def _height(city: DeployedCity) -> int:
    return int(str(city.endpoint.request("eth_blockNumber")), 0)


def test_the_operator_at_a_block_is_found_by_events(city: DeployedCity, script: ModuleType) -> None:
    agency = city.admit("EVIDENCE", AGENCY)
    log = city.open_log(agency, AGENCY, LogKind.RECEIPTS, FIRST)
    opened = _height(city)
    city.send(AGENCY, city.contracts.ledger.set_operator(log, address(SECOND)))
    given = _height(city)
    url, ledger = city.devnet.rpc_url, city.manifest.address("RecordLedger")

    with closing(RpcLedgerReader(url, ledger)) as reader:
        assert reader.block.number == given
        found = [reader.operator_at(log, block) for block in (opened - 1, opened, given - 1, given)]
        assert found == [None, address(FIRST), address(FIRST), address(SECOND)]
        assert reader.logs_of(agency) == (log,)
        info = reader.log_info(log)
        assert info is not None
        assert (info.agency, info.kind, info.next) == (agency, LogKind.RECEIPTS, 0)

    for block, expected in ((opened - 1, ""), (opened, address(FIRST)), (given, address(SECOND))):
        query = {"log": LogId(log), "blockNumber": block}
        assert script.operator_at(query, url, ledger) == expected[2:].lower()


def test_the_chains_own_ecrecover_finds_the_signer(city: DeployedCity, script: ModuleType) -> None:
    domain = ReceiptDomain(31337, city.manifest.address("RecordLedger"))
    signature = sign_receipt(RECEIPT, domain, account(FIRST)).hex()
    digest = receipt_signing_digest(RECEIPT, domain)
    assert script.signer(digest, signature, city.devnet.rpc_url) == address(FIRST)[2:].lower()
