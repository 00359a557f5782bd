"""What the calls cost, compared with contracts/gas-snapshot.json. Remake it with CITYLEDGER_UPDATE_GAS=1.

Calldata is counted as if no byte of it were zero: dataset ids differ with the instance, and a zero byte is
12 gas cheaper than another (EIP-2028), so the plain figure would change from one devnet to the next.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from city_on_chain import ROOT, TREATMENT, City, admission, publication
from cityledger.chain.structs import Batch
from cityledger.types import NO_END, LogId, LogKind

SNAPSHOT = ROOT / "contracts/gas-snapshot.json"
AGENCIES = 53
ROOT_HASH = b"\5" * 32


def test_gas_is_that_of_the_snapshot(city: City) -> None:
    measured = measure(city)
    if os.environ.get("CITYLEDGER_UPDATE_GAS"):
        SNAPSHOT.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
    assert measured == json.loads(SNAPSHOT.read_text("utf-8"))


def measure(city: City) -> dict[str, int]:
    gas = {}
    receipt = city.registry.receipt(city.council, "admit", admission("LAND", city.stranger))
    gas["admit"] = used(city, receipt)
    receipt = city.catalog.receipt(city.steward, "publish", publication(city.health).to_abi())
    gas["publish, 2 parts"] = used(city, receipt)
    dataset = city.publish("health/visits/second")
    receipt = city.catalog.receipt(city.steward, "grant", dataset, city.police, TREATMENT, 3, 0, NO_END)
    gas["grant"] = used(city, receipt)
    logs = [open_log(city) for _ in range(AGENCIES)]
    gas["anchor, 1 record"] = anchor(city, [Batch(logs[0], 0, 1, ROOT_HASH)])
    gas["anchor, 1,000 records"] = anchor(city, [Batch(logs[0], 1, 1000, ROOT_HASH)])
    gas["anchor, 53 logs"] = anchor(city, [Batch(log, 1001 * (log == logs[0]), 1, ROOT_HASH) for log in logs])
    return gas


def open_log(city: City) -> LogId:
    city.ledger.send(city.health_account, "openLog", city.health, LogKind.RECORDS, city.operator, 0)
    return LogId(city.ledger.ask("logCount"))


def anchor(city: City, batches: list[Batch]) -> int:
    receipt = city.ledger.receipt(city.operator, "anchor", [batch.to_abi() for batch in batches])
    return used(city, receipt)


def used(city: City, receipt: Mapping[str, Any]) -> int:
    """Gas used, with every byte of calldata at the price of a non-zero one."""
    sent = city.chain.rpc("eth_getTransactionByHash", receipt["transactionHash"])
    zeros = bytes.fromhex(sent["input"][2:]).count(0)
    return int(receipt["gasUsed"], 16) + 12 * zeros
