"""The commands of contracts/README.md "With brownie", as a brownie user types them in a fresh checkout.

The checkout is a copy of the tracked files; what `make setup` installs is linked, not installed again.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cityledger.chain.abi.artifacts import CONTRACT_NAMES, FOLLOWED_NAMES
from cityledger.chain.manifest import Manifest, load_manifest
from cityledger.chain.rpc.endpoint import connect
from cityledger.cli.chain_options import DEVNET_FOLDER, MANIFEST
from cityledger.devnet import CHAIN_ID, Devnet, find_devnet

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "contracts/README.md").read_text().partition("## With brownie")[2].partition("\n## ")[0]
DEVELOPMENT, DEVNET = (block.splitlines() for block in re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL))
TRANSCRIPT = "".join(re.findall(r"```pycon\n(.*?)```", SECTION, re.DOTALL))
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
INSTALLED = {".venv": (".done-lock", ".done-package"), "node_modules": (".done-npm",)}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.chain,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not all((ROOT / name / stamps[-1]).exists() for name, stamps in INSTALLED.items()),
        reason="links what `make setup` installed",
    ),
]


@dataclass
class Checkout:
    """A clean copy of the project, and a user whose home must stay empty."""

    folder: Path
    home: Path

    def run(self, command: str, typed: str = "") -> str:
        """What a command prints, without colours; it must succeed."""
        code, output = self.try_run(command, typed)
        assert code == 0, output
        return output

    def try_run(self, command: str, typed: str = "") -> tuple[int, str]:
        """The exit code of a command, and what it prints."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CITYLEDGER_")},
            "HOME": str(self.home),
            "PYTHONPATH": str(self.folder / "pyservice"),
            "TERM": "dumb",  # the console then echoes what it reads instead of redrawing it
        }
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=environment,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return done.returncode, COLOUR.sub("", done.stdout)

    def manifest(self, path: str | Path) -> Manifest:
        return load_manifest(self.folder / path)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = Checkout(tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("home"))
    _copy_tracked_files(made.folder)
    for name, stamps in INSTALLED.items():
        _link_installed(made.folder / name, ROOT / name, stamps)
    yield made
    state = find_devnet(made.folder / DEVNET_FOLDER)
    if state is not None:
        Devnet(made.folder / DEVNET_FOLDER, state).stop()


def _copy_tracked_files(folder: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in tracked.stdout.decode().rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
            copy.chmod((ROOT / name).stat().st_mode)
            os.utime(copy, (0, 0))  # older than what is installed: make installs nothing


def _link_installed(folder: Path, installed: Path, stamps: tuple[str, ...]) -> None:
    folder.mkdir()
    for entry in installed.iterdir():
        if entry.name not in stamps:
            (folder / entry.name).symlink_to(entry)
    for stamp in stamps:
        (folder / stamp).touch()


def _typed() -> str:
    return "".join(f"{line[4:]}\n" for line in TRANSCRIPT.splitlines() if line.startswith(">>> "))


def _assert_shown(output: str) -> None:
    """Each line that the README shows under an input is among what the console printed after that input."""
    for step in re.split(r"^>>> ", TRANSCRIPT, flags=re.MULTILINE)[1:]:
        typed, *shown = step.splitlines()
        answer = output.partition(f">>> {typed}\n")[2].partition("\n>>> ")[0].splitlines()
        assert set(shown) <= set(answer), f"{typed}\n{answer}"


def _assert_ended(output: str) -> None:
    """The anvil that brownie started no longer listens."""
    (port,) = re.findall(r"^Launching 'anvil .*--port (\d+)", output, re.MULTILINE)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0


def _command(block: list[str], word: str) -> str:
    (found,) = [line for line in block if word in line]
    return found


def test_run_deploy_builds_a_city_on_a_chain_of_its_own(checkout: Checkout) -> None:
    output = checkout.run(_command(DEVELOPMENT, "run deploy"))

    manifest = checkout.manifest("build/development/manifest.json")
    assert manifest.address("CityDirectory") in output
    assert not (checkout.folder / ".cityledger").exists()
    assert not (checkout.folder / "interfaces").exists()
    assert (checkout.folder / ".tools/brownie/.brownie/network-config.yaml").exists()
    assert list(checkout.home.iterdir()) == []
    _assert_ended(output)


def test_console_on_development_answers_as_the_readme_shows(checkout: Checkout) -> None:
    output = checkout.run(_command(DEVNET, "console").replace(" --network devnet", ""), _typed())

    _assert_shown(output)
    _assert_ended(output)


def test_tests_pass_and_report_gas_and_coverage_of_every_contract(checkout: Checkout) -> None:
    output = checkout.run(_command(DEVELOPMENT, "test --gas --coverage"))

    (collected,), (passed,) = (re.findall(form, output) for form in (r"ed (\d+) items", r"= (\d+) passed"))
    assert int(passed) == int(collected) > 0
    gas, _, coverage = output.partition(" Gas Profile ")[2].partition(" Coverage ")
    assert re.search(r"anchor +- +avg: +[1-9]", gas)
    covered = dict(re.findall(r"contract: (\w+) - ([\d.]+)%", coverage))
    assert {name for name, share in covered.items() if float(share) > 0} >= set(FOLLOWED_NAMES)
    assert set(json.loads((checkout.folder / "reports/coverage.json").read_text())["coverage"]) == set(
        covered
    )
    _assert_ended(output)


def test_devnet_holds_what_brownie_deployed(checkout: Checkout) -> None:
    up, deploy, verify, console, down = DEVNET
    checkout.run(up)
    devnet = find_devnet(checkout.folder / DEVNET_FOLDER)
    assert devnet is not None

    output = checkout.run(deploy)

    manifest, endpoint = checkout.manifest(MANIFEST), connect(devnet.rpc_url, CHAIN_ID)
    assert all(endpoint.code(manifest.address(name)) for name in CONTRACT_NAMES)
    assert manifest.address("CityDirectory") in output
    assert re.search("verified +yes", checkout.run(verify))
    _assert_shown(checkout.run(console, _typed()))
    checkout.run(f".venv/bin/python scripts/deploy.py --rpc {devnet.rpc_url}")
    assert checkout.manifest(MANIFEST) == manifest  # the later runs found it
    checkout.run(down)
    assert find_devnet(checkout.folder / DEVNET_FOLDER) is None


def test_brownie_without_a_devnet_tells_how_to_start_one(checkout: Checkout) -> None:
    code, output = checkout.try_run(_command(DEVNET, "run deploy"))

    assert code != 0
    assert "cityledger devnet up" in output
    assert "Traceback" not in output
