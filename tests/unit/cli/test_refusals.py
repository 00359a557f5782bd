"""Every refusal of our contracts is reported in words that name who, and what to do."""

import json
import re
from importlib import resources
from string import Formatter
from typing import Any

import pytest

from cityledger.cli.output import print_error
from cityledger.cli.refusals import MEANINGS, meaning_of
from cityledger.errors import RevertedError

OURS = ("AccessPolicy", "AgencyRegistry", "CityDirectory", "DataCatalog", "RecordLedger", "AccessManage")


def contract_errors() -> dict[str, set[str]]:
    """The arguments' names of every custom error, by the error's name."""
    found: dict[str, set[str]] = {}
    for file in resources.files("cityledger.chain").joinpath("artifacts").iterdir():
        artifact: Any = json.loads(file.read_text()) if file.name.endswith(".json") else {}
        abi = artifact.get("abi", []) if isinstance(artifact, dict) else []
        for entry in abi:
            if entry["type"] == "error":
                found[entry["name"]] = {one["name"] for one in entry["inputs"]}
    return found


ERRORS = contract_errors()


def test_every_error_of_our_contracts_has_a_meaning() -> None:
    ours = {name for name in ERRORS if name.startswith(OURS[:-1])}
    assert len(ours) > 30
    assert ours - MEANINGS.keys() == set()


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_a_meaning_names_only_arguments_that_the_error_has(name: str) -> None:
    if name not in ERRORS:
        assert name.startswith("AccessManage"), "no contract has this error"
    words = MEANINGS[name].message + MEANINGS[name].next_step
    named = {field for _, field, _, _ in Formatter().parse(words) if field}
    assert named <= ERRORS.get(name, named)


def test_meaning_of_tells_who_which_role_and_the_next_step() -> None:
    meaning = meaning_of(RevertedError("DataCatalogNotSteward", {"provider": 7, "caller": "0xab"}))
    assert meaning is not None
    assert meaning.message == "account 0xab is not a steward of agency 7"
    assert "cityledger officer appoint 7 0xab --role steward" in meaning.next_step


def test_meaning_of_says_status_and_purpose_by_name() -> None:
    suspended: dict[str, object] = {"agency": 3, "status": 2}
    meaning = meaning_of(RevertedError("AgencyRegistryNotActive", suspended))
    assert meaning is not None
    assert meaning.message == "agency 3 is not active: suspended"
    purpose: dict[str, object] = {"purpose": "0x" + b"TREATMENT".hex().ljust(64, "0")}
    meaning = meaning_of(RevertedError("DataCatalogUnknownPurpose", purpose))
    assert meaning is not None
    assert "the purpose TREATMENT is not on the city's list" in meaning.message


def test_meaning_of_survives_arguments_that_are_missing() -> None:
    meaning = meaning_of(RevertedError("DataCatalogNotSteward", {}))
    assert meaning is not None
    assert "CALLER" in meaning.message


def test_meaning_of_leaves_other_contracts_errors_alone() -> None:
    assert meaning_of(RevertedError("SafeError", {})) is None


def test_print_error_prints_the_meaning_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    error = RevertedError("AgencyRegistryCodeTaken", {"code": "0x", "holder": 3})
    print_error(error, as_json=False)
    printed = capsys.readouterr().err
    assert printed.startswith("Error: the code is agency 3's already\n")
    assert "AgencyRegistryCodeTaken" in printed
    assert "next: choose another code" in printed
    print_error(error, as_json=True)
    assert json.loads(capsys.readouterr().err)["next"] == "choose another code"


def test_next_steps_name_commands_that_exist() -> None:
    from typer.main import get_command

    from cityledger.cli.main import application

    tree = get_command(application())
    for meaning in MEANINGS.values():
        for group, command in re.findall(r"cityledger ([a-z]+) ([a-z]+)", meaning.next_step):
            assert command in tree.commands[group].commands, f"{group} {command}"  # type: ignore[attr-defined]
