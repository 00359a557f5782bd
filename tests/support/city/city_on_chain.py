"""A whole city of contracts on an anvil of its own, for tests: deploy, send, ask, and be refused."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from cityledger.chain.abi.artifacts import CONTRACT_NAMES, entries_of_kind
from cityledger.chain.abi.codec import (
    canonical_type,
    codec,
    decode_result,
    decode_values,
    encode_call,
    encode_creation,
    selector,
    selectors_of,
)
from cityledger.chain.contracts import Event
from cityledger.chain.contracts.agency_registry import Admission
from cityledger.chain.contracts.data_catalog import Publication
from cityledger.chain.contracts.decoding import LoggedEvent, decode_logs
from cityledger.types import (
    NO_END,
    ZERO_ADDRESS,
    Address,
    AgencyId,
    DatasetId,
    Decision,
    Openness,
    Purpose,
    Query,
    Role,
    SharingClass,
    Terms,
    purpose_from_name,
)

ROOT = Path(__file__).resolve().parents[3]
GAS = 1_000_000_000
DAY = 86_400
LOOSENING_DELAY = 7 * DAY
COUNCIL_ROLE = 1
GUARD_ROLE = 2
COUNCIL_FUNCTIONS = {
    "CityDirectory": ["set"],
    "AgencyRegistry": ["admit", "reinstate", "offboard", "rotateAccount"],
    "DataCatalog": ["addPurpose", "removePurpose", "liftSeal"],
}
GUARD_FUNCTIONS = {"AgencyRegistry": ["suspend", "reportCompromise"]}

TREATMENT = purpose_from_name("TREATMENT")
TAXATION = purpose_from_name("TAXATION")
UNLISTED = purpose_from_name("UNLISTED")


class Chain:
    """Anvil over IPC. Every block is one second after the one before it."""

    def __init__(self, folder: Path) -> None:
        path = folder / "anvil.ipc"
        command = [str(ROOT / ".tools/bin/anvil"), "--ipc", str(path), "--port", "0", "--silent"]
        command += ["--hardfork", "cancun", "--gas-limit", str(GAS), "--accounts", "20"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not path.exists():
            assert self._process.poll() is None, "anvil ended at once"
            time.sleep(0.01)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._answers = self._socket.makefile("rb")
        self.accounts = [_address(account) for account in self.rpc("eth_accounts")]
        self.rpc("anvil_setBlockTimestampInterval", 1)

    def stop(self) -> None:
        self._answers.close()
        self._socket.close()
        self._process.terminate()
        self._process.wait()

    def rpc(self, method: str, *params: object) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self._answers.readline())
        if "error" in answer:
            raise AnvilError(answer["error"])
        return answer["result"]

    def now(self) -> int:
        """The head's time, Unix seconds."""
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def go_to(self, at: int) -> None:
        """Mines a block of that time."""
        self.rpc("evm_setNextBlockTimestamp", at)
        self.rpc("evm_mine")

    def send(self, sender: Address, to: Address | None, data: bytes) -> Mapping[str, Any]:
        """The receipt of a transaction.

        Raises:
            Refusal: the contract refused.
        """
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(GAS // 2)}
        try:
            receipt: Mapping[str, Any] = self.rpc("eth_sendTransactionSync", transaction)
        except AnvilError as error:
            raise error.refusal() from None
        if receipt["status"] != "0x1":
            trace = self.rpc("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
            raise Refusal(bytes.fromhex(trace["output"][2:]))
        return receipt

    def in_one_block(self, sent: Sequence[tuple[Address, Address, bytes]]) -> list[Mapping[str, Any]]:
        """The receipts of (sender, to, data), mined together in this order, whether or not refused."""
        self.rpc("evm_setAutomine", False)
        try:
            hashes = [
                self._pend(sender, to, data, len(sent) - i) for i, (sender, to, data) in enumerate(sent)
            ]
            self.rpc("evm_mine")
        finally:
            self.rpc("evm_setAutomine", True)
        return [self.rpc("eth_getTransactionReceipt", one) for one in hashes]

    def _pend(self, sender: Address, to: Address, data: bytes, gwei: int) -> str:
        # Who pays more stands first in the block.
        fee = hex(gwei * 10**9)
        transaction = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(GAS // 20)}
        sent: str = self.rpc(
            "eth_sendTransaction", {**transaction, "maxFeePerGas": hex(10**11), "maxPriorityFeePerGas": fee}
        )
        return sent

    def call(
        self, to: Address | None, data: bytes, sender: Address = ZERO_ADDRESS, block: str = "latest"
    ) -> bytes:
        """What a call would return at the block.

        Raises:
            Refusal: the contract refused.
        """
        request = {"from": sender, "to": to, "data": "0x" + data.hex()}
        try:
            return bytes.fromhex(self.rpc("eth_call", request, block)[2:])
        except AnvilError as error:
            raise error.refusal() from None


class Refusal(Exception):  # noqa: N818
    """The contract refused: the custom error's name, and its facts as the ABI has them."""

    def __init__(self, data: bytes) -> None:
        entry = _errors()[data[:4]]
        names = [parameter["name"] for parameter in entry["inputs"]]
        values = decode_values(entry["inputs"], data[4:], entry["name"])
        self.name, self.facts = str(entry["name"]), dict(zip(names, values, strict=True))
        super().__init__(self.name, self.facts)


@cache
def _errors() -> dict[bytes, Mapping[str, Any]]:
    return {selector(entry): entry for name in CONTRACT_NAMES for entry in entries_of_kind(name, "error")}


class AnvilError(Exception):
    """What anvil answered instead of a result."""

    def refusal(self) -> Refusal:
        data = self.args[0].get("data")
        if not isinstance(data, str):
            raise self
        return Refusal(bytes.fromhex(data.removeprefix("0x")))


@dataclass(frozen=True)
class Deployed:
    """One of the city's contracts at its address."""

    chain: Chain
    name: str
    address: Address

    def send(self, sender: Address, function: str, *arguments: object) -> list[Event]:
        """The events of a transaction, AccessManager's left out."""
        return events_of(self.receipt(sender, function, *arguments))

    def receipt(self, sender: Address, function: str, *arguments: object) -> Mapping[str, Any]:
        return self.chain.send(sender, self.address, encode_call(self.name, function, arguments))

    def ask(self, function: str, *arguments: object) -> Any:
        """What a view returns: a value, or a dictionary by name."""
        data = encode_call(self.name, function, arguments)
        return decode_result(self.name, function, self.chain.call(self.address, data))

    def refusal(self, sender: Address, function: str, *arguments: object) -> tuple[str, dict[str, object]]:
        """Name and facts of the custom error that the call would end with in the next block."""
        data = encode_call(self.name, function, arguments)
        try:
            self.chain.call(self.address, data, sender, "pending")
        except Refusal as error:
            return error.name, error.facts
        raise AssertionError(f"{self.name}.{function} did not refuse")


class Harness:
    """A contract of the tests alone, by its compiled form."""

    def __init__(self, chain: Chain, output: Mapping[str, Any]) -> None:
        code = bytes.fromhex(output["evm"]["bytecode"]["object"])
        self._chain = chain
        self._entries = {entry["name"]: entry for entry in output["abi"] if entry["type"] == "function"}
        self._address = _address(chain.send(chain.accounts[0], None, code)["contractAddress"])

    def parameter_of(self, function: str) -> Mapping[str, Any]:
        """The ABI of the function's one parameter."""
        (parameter,) = self._entries[function]["inputs"]
        return dict(parameter)

    def ask(self, function: str, *arguments: object) -> Any:
        entry = self._entries[function]
        encoded = codec.encode([canonical_type(parameter) for parameter in entry["inputs"]], arguments)
        answer = self._chain.call(self._address, selector(entry) + encoded)
        values = codec.decode([canonical_type(parameter) for parameter in entry["outputs"]], answer)
        return values[0] if len(values) == 1 else values


def _address(text: str) -> Address:
    return Address(to_checksum_address(text))


def events_of(receipt: Mapping[str, Any]) -> list[Event]:
    return [logged.event for logged in decode_logs(receipt["logs"])]


def query_abi(query: Query) -> dict[str, object]:
    """The query as the contract takes it: the same fields in the same order, by Solidity's names."""
    values = {
        re.sub("_(.)", lambda found: found[1].upper(), name): getattr(query, name) for name in query.__slots__
    }
    return values | {"officer": query.officer or ZERO_ADDRESS}


def decide_on_chain(city: City, query: Query) -> Decision:
    return Decision(*city.policy.ask("decide", query_abi(query)).values())


def admission(code: str, account: Address, /, **changes: object) -> dict[str, object]:
    made = Admission(
        code, f"Agency {code}", f"{code} 局", f"https://{code}.example", account, b"\1" * 32, b"\2" * 32
    )
    return made.to_abi() | changes


def terms(
    sharing_class: SharingClass = SharingClass.CONDITIONAL,
    purposes: Sequence[Purpose] = (TREATMENT,),
    *,
    openness: Openness = Openness.CLOSED,
    consent_required: bool = False,
    emergency_allowed: bool = False,
) -> Terms:
    return Terms(sharing_class, openness, consent_required, emergency_allowed, tuple(sorted(purposes)))


def publication(provider: AgencyId, path: str = "health/visits/all", **changes: Any) -> Publication:
    wanted: dict[str, Any] = {
        "title": "Visits",
        "local_title": "就诊",
        "profile": "medical",
        "parts": ("summary", "images"),
        "schema_digest": b"\3" * 32,
        "retention_seconds": NO_END,
        "dispute_period_seconds": 30 * DAY,
        "terms": terms(),
    }
    return Publication(provider, path, **wanted | changes)


class City:
    """Five contracts under an AccessManager; a council and a guard without delay; three agencies.

    HEALTH provides, POLICE consumes, TAX looks on. Each has an account; HEALTH has a steward.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.deployer, self.council, self.guard, self.stranger = chain.accounts[:4]
        self.health_account, self.police_account, self.tax_account = chain.accounts[4:7]
        self.steward, self.police_steward, self.auditor, self.operator = chain.accounts[7:11]
        self._deploy()
        self._hand_over()
        self.health = self.admit("HEALTH", self.health_account)
        self.police = self.admit("POLICE", self.police_account)
        self.tax = self.admit("TAX", self.tax_account)
        self.appoint(self.health_account, self.health, self.steward)
        self.appoint(self.police_account, self.police, self.police_steward)
        for purpose in (TREATMENT, TAXATION):
            self.catalog.send(self.council, "addPurpose", purpose)

    def _deploy(self) -> None:
        self.manager = self._create("AccessManager", self.deployer)
        authority = self.manager.address
        self.directory = self._create("CityDirectory", authority)
        self.directory_block = int(self.chain.rpc("eth_blockNumber"), 16)
        self.instance: bytes = self.directory.ask("instance")
        self.registry = self._create("AgencyRegistry", authority)
        addresses = self.registry.address, self.directory.address
        self.catalog = self._create("DataCatalog", authority, *addresses, LOOSENING_DELAY)
        self.ledger = self._create("RecordLedger", self.registry.address, self.catalog.address, self.instance)
        self.policy = self._create("AccessPolicy", self.registry.address, self.catalog.address)

    def _create(self, name: str, *arguments: object) -> Deployed:
        receipt = self.chain.send(self.deployer, None, encode_creation(name, arguments))
        return Deployed(self.chain, name, _address(receipt["contractAddress"]))

    def _hand_over(self) -> None:
        for role, functions in ((COUNCIL_ROLE, COUNCIL_FUNCTIONS), (GUARD_ROLE, GUARD_FUNCTIONS)):
            for name, names in functions.items():
                target = {"CityDirectory": self.directory, "AgencyRegistry": self.registry}.get(
                    name, self.catalog
                )
                selectors = selectors_of(name, names)
                self.manager.receipt(self.deployer, "setTargetFunctionRole", target.address, selectors, role)
        self.manager.receipt(self.deployer, "grantRole", COUNCIL_ROLE, self.council, 0)
        self.manager.receipt(self.deployer, "grantRole", GUARD_ROLE, self.guard, 0)

    def admit(self, code: str, account: Address) -> AgencyId:
        self.registry.send(self.council, "admit", admission(code, account))
        return AgencyId(self.registry.ask("agencyCount"))

    def appoint(
        self, account: Address, agency: AgencyId, officer: Address, role: Role = Role.STEWARD
    ) -> None:
        self.registry.send(account, "appoint", agency, officer, int(role), NO_END)

    def publish(self, path: str = "health/visits/all", **changes: Any) -> DatasetId:
        """A dataset of HEALTH, Conditional by default."""
        wanted = publication(self.health, path, **changes)
        events = self.catalog.send(self.steward, "publish", wanted.to_abi())
        return events[0].dataset  # type: ignore[union-attr]

    def history(self) -> list[LoggedEvent]:
        """Every event of the city's contracts so far, read back from the chain."""
        addresses = [one.address for one in (self.directory, self.registry, self.catalog, self.ledger)]
        found = self.chain.rpc(
            "eth_getLogs", {"fromBlock": "earliest", "toBlock": "latest", "address": addresses}
        )
        return decode_logs(found)

    def grant(self, dataset: DatasetId, parts: int = 0b11, since: int = 0, until: int = NO_END) -> bytes:
        """A grant to POLICE for TREATMENT; its id."""
        arguments = dataset, self.police, TREATMENT, parts, since, until
        events = self.catalog.send(self.steward, "grant", *arguments)
        return events[0].grant.grant_id  # type: ignore[union-attr]
