"""What an operator does about halted logs by the command line, while the node serves and while not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from cityledger.chain.contracts.record_ledger import Batch, LogOpened
from cityledger.chain.follower import Follower
from cityledger.cli.main import application
from cityledger.devnet import Devnet
from cityledger.types import Address, LogId, LogKind
from support.city.deployed_city import DeployedCity, address, deploy_city
from support.node.node_process import Process

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300)]
LAND_ACCOUNT, OPERATOR, STRANGER = 3, 5, 9
LINK = ["node", "link", "LAND", "--folder", "node", "--devnet-account", str(LAND_ACCOUNT)]


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedCity]:
    """Blocks each second, because a node follows a chain that grows."""
    folder = tmp_path_factory.mktemp("town")
    with Devnet.start(folder / "devnet", block_time=1) as devnet:
        made = deploy_city(devnet, folder / "manifest.json")
        made.admit("LAND", LAND_ACCOUNT)
        yield made


@pytest.fixture
def process(town: DeployedCity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A node that serves the two logs of LAND: 1 of records, 2 of receipts."""
    made = Process(tmp_path_factory.mktemp("process"))
    on_chain = ["--rpc", town.devnet.rpc_url, "--manifest", str(town.manifest_path)]
    made.json("node", "init", "node", "--agency", "LAND", "--devnet-operator", str(OPERATOR), *on_chain)
    made.json(*LINK)
    made.serve()
    await_logs(made, lambda rows: len(rows) == 2, code=0)
    yield made
    if made.served is not None:
        made.kill()


def logs(process: Process, code: int) -> list[dict[str, Any]]:
    # In this process: it is asked again and again, and a new one takes a second each time.
    ended = CliRunner().invoke(
        application(), ["node", "logs", "--folder", str(process.folder / "node"), "--json"]
    )
    assert ended.exit_code == code, ended.output
    rows: list[dict[str, Any]] = json.loads(ended.stdout)
    return rows


def await_logs(process: Process, holds: Any, code: int) -> list[dict[str, Any]]:
    """Another process moves them, so it has to be asked."""
    last: object = None
    for _ in range(30):
        try:
            last = found = logs(process, code)
            if holds(found):
                return found
        except AssertionError as error:
            last = error
        time.sleep(0.5)
    raise AssertionError(last)


def test_log_that_somebody_else_anchored_is_continued_by_a_successor(
    process: Process, town: DeployedCity
) -> None:
    foreign = town.contracts.ledger.anchor([Batch(LogId(1), 0, 3, b"\x07" * 32)])
    town.send(OPERATOR, foreign)

    halted = await_logs(process, lambda rows: all(row["halt"] for row in rows), code=1)
    assert [row["halt"] for row in halted] == ["chain-ahead", "account-used-elsewhere"]
    assert "node link LAND" in halted[0]["next_step"]
    assert "resume-log 2 --new-baseline" in halted[1]["next_step"]
    refused = process.run("node", "resume-log", "1", "--folder", "node", "--new-baseline", code=1)
    assert "node link LAND" in refused

    assert process.json(*LINK)["records log"] == 3
    assert process.json("node", "resume-log", "2", "--folder", "node", "--new-baseline")["resumed"] == [2]

    rows = await_logs(process, lambda rows: len(rows) == 3, code=0)
    assert [row["halt"] for row in rows] == ["chain-ahead, continued", "", ""]
    log = town.contracts.ledger.find_log(LogId(1), "latest")
    assert log is not None and log.closed
    follower = Follower(town.endpoint, town.manifest)
    events = [one.event for one in follower.all_events(town.manifest.first_block, follower.head().number)]
    opened = next(one for one in events if isinstance(one, LogOpened) and one.log == 3)
    assert (opened.predecessor, opened.kind, opened.operator) == (1, LogKind.RECORDS, address(OPERATOR))
    assert process.json(*LINK)["records log"] == 3, "again: nothing is opened or closed twice"
    assert town.contracts.ledger.log_count("latest") == 3


def test_log_that_was_given_to_another_operator_is_given_back(process: Process, town: DeployedCity) -> None:
    ledger = town.contracts.ledger
    town.send(LAND_ACCOUNT, ledger.set_operator(LogId(1), Address(address(STRANGER))))
    (row, _) = await_logs(process, lambda rows: rows[0]["halt"] == "refused-operator", code=1)
    assert "node link LAND" in row["next_step"]
    assert process.stop() == 0

    assert process.json(*LINK)["records log"] == 1
    assert process.json("node", "resume-log", "1", "--folder", "node")["resumed"] == [1]

    process.serve()
    assert [row["halt"] for row in logs(process, code=0)] == ["", ""]


def test_closed_log_is_continued_by_a_successor(process: Process, town: DeployedCity) -> None:
    town.send(LAND_ACCOUNT, town.contracts.ledger.close_log(LogId(2)))
    await_logs(process, lambda rows: rows[1]["halt"] == "refused-closed", code=1)

    assert process.json(*LINK)["receipts log"] == 3

    rows = await_logs(process, lambda rows: len(rows) == 3, code=0)
    assert [row["halt"] for row in rows] == ["", "refused-closed, continued", ""]


def test_logs_are_told_of_a_stopped_node_without_a_chain_and_what_asks_the_chain_says_so(
    process: Process, town: DeployedCity
) -> None:
    assert process.stop() == 0
    town.devnet.stop()

    assert [row["halt"] for row in logs(process, code=0)] == ["", ""]
    for command in (["node", "resume-log", "1", "--folder", "node"], LINK):
        refused = process.run(*command, code=1)
        assert "Traceback" not in refused
        assert "127.0.0.1" in refused or "chain" in refused
