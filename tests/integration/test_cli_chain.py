"""The commands that sign chain transactions, on a real devnet, in the order of a city's beginning."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cityledger.chain.deploy.deployment import Plan, deploy
from cityledger.cli.main import run
from support.city.deployed_city import DEPLOYER, DeployedCity, account, address

pytestmark = pytest.mark.chain
Cli = Callable[..., Any]


@pytest.fixture
def cli(city: DeployedCity, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command line on the deployed city and gives its JSON; ``code`` is the exit code it must have."""
    monkeypatch.setenv("CITYLEDGER_RPC_URL", city.devnet.rpc_url)
    monkeypatch.setenv("CITYLEDGER_MANIFEST", str(city.manifest_path))

    def invoke(*words: str, code: int = 0) -> Any:
        ended = run([*words, "--json"])
        captured = capsys.readouterr()
        assert ended == code, captured.err
        return json.loads(captured.out if code == 0 else captured.err) if code != 2 else captured.err

    return invoke


def signed_by(index: int) -> tuple[str, str]:
    return "--devnet-account", str(index)


def admit(cli: Cli, name: str, index: int, *, signer: int = 1, code: int = 0) -> Any:
    words = ["--name", name.title(), "--endpoint", "http://localhost:1", "--agency-account", address(index)]
    return cli("agency", "admit", name, *words, *signed_by(signer), code=code)


def test_a_city_from_admission_to_offboarding(cli: Cli) -> None:
    assert admit(cli, "HEALTH", 3)["agency"] == 1
    assert admit(cli, "CLINIC", 5)["agency"] == 2
    cli("officer", "appoint", "HEALTH", address(4), "--role", "steward", *signed_by(3))
    assert cli("officer", "list", "HEALTH")[0]["holds"] is True
    cli("purpose", "add", "TREATMENT", *signed_by(1))
    assert {"purpose": "TREATMENT"} in cli("purpose", "list")

    words = ("--title", "Visits", "--profile", "medical", "--class", "conditional", "--purpose", "TREATMENT")
    published = cli("dataset", "publish", "HEALTH", "care/visits/records", *words, *signed_by(4))
    (listed,) = cli("dataset", "list", "--provider", "HEALTH")
    assert (listed["dataset"], listed["class"]) == (published["dataset"], "conditional")

    slot = ("HEALTH/care/visits/records", "CLINIC", "TREATMENT")
    given = cli("grant", "give", *slot, "--part", "summary", *signed_by(4))
    assert given["parts"] == ["summary"]
    cli("agency", "report-compromise", "CLINIC", *signed_by(2))
    assert cli("grant", "show", *slot)["epochs_stand"] is False
    cli("grant", "revoke", published["dataset"], "2", "TREATMENT", *signed_by(4))
    cli("grant", "show", *slot, code=1)

    cli("dataset", "revise", slot[0], "--class", "not-shared", *signed_by(4))
    assert cli("dataset", "show", slot[0])["class"] == "not_shared"
    cli("dataset", "retire", slot[0], *signed_by(4))
    cli("officer", "dismiss", "HEALTH", address(4), *signed_by(3))
    assert cli("officer", "list", "HEALTH") == []
    assert cli("agency", "reinstate", "CLINIC", *signed_by(1))["status"] == "active"
    assert cli("agency", "suspend", "CLINIC", *signed_by(2))["status"] == "suspended"
    assert cli("agency", "offboard", "CLINIC", *signed_by(1))["epoch"] == 3
    assert [row["status"] for row in cli("agency", "list")] == ["active", "offboarded"]
    assert cli("agency", "show", "1")["code"] == "HEALTH"


def test_what_the_caller_may_not_do_is_exit_3(cli: Cli) -> None:
    refused = admit(cli, "HEALTH", 3, signer=9, code=3)
    assert refused["name"] == "AccessManagedUnauthorized"
    assert refused["facts"] == {"caller": address(9)}


def test_what_the_contract_refuses_is_told_by_name(cli: Cli) -> None:
    admit(cli, "HEALTH", 3)
    refused = admit(cli, "HEALTH", 3, code=1)
    assert refused["name"] == "AgencyRegistryCodeTaken"
    assert refused["facts"] == {"code": "HEALTH", "holder": 1}


def test_what_is_not_there_is_exit_1(cli: Cli) -> None:
    assert "no such agency: ABSENT" in cli("agency", "show", "ABSENT", code=1)["message"]
    assert "no such dataset" in cli("dataset", "show", "0x" + "01" * 32, code=1)["message"]


def test_who_signs_must_be_said(cli: Cli) -> None:
    admit(cli, "HEALTH", 3)
    assert "--devnet-account" in cli("agency", "suspend", "HEALTH", code=2)


def test_contracts_verify_and_list(cli: Cli, city: DeployedCity) -> None:
    assert cli("contracts", "verify")["verified"] is True
    assert len(cli("contracts", "list")) == 6
    city.send(1, city.contracts.directory.set("ACCESS_POLICY", address(9)))
    assert "ACCESS_POLICY" in cli("contracts", "verify", code=4)["message"]


def test_contracts_verify_compares_with_what_is_named(cli: Cli) -> None:
    found = cli("contracts", "verify", "--council", address(1), "--guard", address(2), "--council-delay", "0")
    assert found["compared"] == ["council", "guard", "council_delay_seconds"]
    assert found["not_compared"] == ["deployer", "directory", "loosening_delay_seconds"]
    assert (found["council"], found["deployer"]) == (address(1), address(0))
    other = cli("contracts", "verify", "--council", address(9), code=4)
    assert f"council is {address(1)} instead of the expected {address(9)}" in other["message"]
    assert "council_delay" in cli("contracts", "verify", "--council-delay", "2d", code=4)["message"]


def test_deploy_dry_run_tells_addresses_gas_and_cost(cli: Cli, city: DeployedCity, tmp_path: Path) -> None:
    manifest = tmp_path / "other.json"
    deployer = ("--manifest", str(manifest), *signed_by(0))
    rehearsal = cli("contracts", "deploy", "--dry-run", *deployer)
    assert not manifest.exists()
    assert rehearsal["gas"] == sum(step["gas"] for step in rehearsal["steps"])
    assert rehearsal["councilCallsThatFollow"] == ["DataCatalog.addPurpose", "AgencyRegistry.admit"]
    cli("contracts", "deploy", *deployer)
    listed = {
        one["contract"]: one["address"] for one in cli("contracts", "list", "--manifest", str(manifest))
    }
    assert listed == {step["step"]: step["contract"] for step in rehearsal["steps"] if step["contract"]}


def test_a_council_with_a_delay_runs_the_command_twice(
    city: DeployedCity, cli: Cli, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "delayed.json"
    deploy(city.endpoint, account(DEPLOYER), Plan(address(1), address(2), 3_600, 0), path)
    monkeypatch.setenv("CITYLEDGER_MANIFEST", str(path))
    assert cli("purpose", "add", "TREATMENT", *signed_by(1))["state"] == "scheduled"
    assert cli("purpose", "add", "TREATMENT", *signed_by(1))["state"] == "scheduled"
    head = city.endpoint.request("eth_getBlockByNumber", "latest", False)
    city.endpoint.request("evm_setNextBlockTimestamp", int(head["timestamp"], 16) + 3_600)
    city.endpoint.request("evm_mine")
    assert cli("purpose", "add", "TREATMENT", *signed_by(1))["state"] == "mined"
