from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.chain.clock import ChainClock
from cityledger.chain.rpc.endpoint import connect
from cityledger.devnet import (
    CHAIN_ID,
    STATE_NAME,
    Devnet,
    devnet_account,
    find_anvil,
    find_devnet,
    load_state,
    reset,
)
from cityledger.devnet_clock import follow_offset
from cityledger.errors import ChainUnavailableError, ConfigurationError, StaleIndexError
from cityledger.types import Address, BlockRef

pytestmark = pytest.mark.chain


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Devnet]:
    with Devnet.start(tmp_path / "devnet") as running:
        yield running


def head_of(devnet: Devnet) -> BlockRef:
    head = devnet.connect().request("eth_getBlockByNumber", "latest", False)
    return BlockRef(int(head["number"], 16), bytes.fromhex(head["hash"][2:]), int(head["timestamp"], 16))


def test_start_answers_and_writes_its_state(devnet: Devnet) -> None:
    state = load_state(devnet.folder / STATE_NAME)
    assert state == devnet.state
    assert state.accounts[0] == Address(devnet_account(0).address)
    assert state.accounts[79] == Address(devnet_account(79).address)
    assert connect(state.rpc_url, CHAIN_ID).chain_id == CHAIN_ID


def test_start_makes_blocks_when_idle(devnet: Devnet) -> None:
    first = head_of(devnet).number
    deadline = time.monotonic() + 10
    while head_of(devnet).number == first:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_start_refuses_a_second_one_in_the_folder(devnet: Devnet) -> None:
    with pytest.raises(ConfigurationError, match=r"runs in .* already"):
        Devnet.start(devnet.folder)


def test_start_quotes_anvils_log_when_it_fails(devnet: Devnet, tmp_path: Path) -> None:
    taken = int(devnet.rpc_url.rpartition(":")[2])
    with pytest.raises(ChainUnavailableError, match=r"anvil did not start: .+"):
        Devnet.start(tmp_path / "other", port=taken)
    assert find_devnet(tmp_path / "other") is None


def test_stop_ends_the_process_and_only_that(tmp_path: Path) -> None:
    with Devnet.start(tmp_path / "a") as other:
        stopped = Devnet.start(tmp_path / "b")
        stopped.stop()
        stopped.stop()
        assert find_devnet(tmp_path / "b") is None
        assert not (tmp_path / "b" / STATE_NAME).exists()
        with pytest.raises(ChainUnavailableError):
            connect(stopped.rpc_url, CHAIN_ID)
        assert head_of(other).number >= 0


def test_stop_from_another_process(devnet: Devnet) -> None:
    script = "import sys, pathlib, cityledger.devnet as d; d.Devnet.attach(pathlib.Path(sys.argv[1])).stop()"
    subprocess.run([sys.executable, "-c", script, str(devnet.folder)], check=True)
    assert find_devnet(devnet.folder) is None
    with pytest.raises(ConfigurationError, match="devnet up"):
        Devnet.attach(devnet.folder)


def test_stop_leaves_a_process_alone_that_took_the_pid(devnet: Devnet) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        path = devnet.folder / STATE_NAME
        path.write_text(path.read_text().replace(f'"pid": {devnet.state.pid}', f'"pid": {stranger.pid}'))
        assert find_devnet(devnet.folder) is None
        reset(devnet.folder)
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_warp_moves_the_chain_and_the_nodes_clock_together(devnet: Devnet) -> None:
    path = devnet.folder / STATE_NAME
    clock = ChainClock(offset=follow_offset(path))
    before = head_of(devnet)
    assert devnet.warp(86_400) == 86_400
    assert devnet.warp(86_400) == 172_800
    assert load_state(path).clock_offset_seconds == 172_800

    head = head_of(devnet)
    clock.head_arrived(head)
    assert 172_800 <= head.time - before.time < 172_800 + 30
    clock.verify_fresh(15)
    assert abs(clock.at() - (time.time() + 172_800)) < 5
    clock.head_arrived(BlockRef(head.number + 1, b"\x01" * 32, head.time - 100))
    with pytest.raises(StaleIndexError):
        clock.verify_fresh(15)


def test_warp_refuses_to_go_back(devnet: Devnet) -> None:
    with pytest.raises(ConfigurationError, match="only goes forward"):
        devnet.warp(-1)


def test_reset_gives_another_genesis(tmp_path: Path) -> None:
    def genesis() -> str:
        with Devnet.start(tmp_path) as running:
            return str(running.connect().request("eth_getBlockByNumber", "0x0", False)["hash"])

    first = genesis()
    reset(tmp_path)
    time.sleep(1.1)  # a genesis holds whole seconds
    assert genesis() != first


def test_start_takes_the_port_that_the_folder_had_last(tmp_path: Path) -> None:
    with Devnet.start(tmp_path) as running:
        first = running.rpc_url
    reset(tmp_path)
    with Devnet.start(tmp_path) as running:
        assert running.rpc_url == first


def test_start_takes_another_port_when_the_last_one_is_taken(tmp_path: Path) -> None:
    with Devnet.start(tmp_path) as running:
        port = int(running.rpc_url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), Devnet.start(tmp_path) as running:
        assert not running.rpc_url.endswith(f":{port}")


def test_keep_state_keeps_chain_and_clock(tmp_path: Path) -> None:
    with Devnet.start(tmp_path, keep_state=True) as running:
        running.warp(5_000)
        head = head_of(running)
    with Devnet.start(tmp_path, keep_state=True) as running:
        header = running.connect().request("eth_getBlockByNumber", hex(head.number), False)
        assert header["hash"] == "0x" + head.hash.hex()
        assert abs(running.state.clock_offset_seconds - 5_000) < 10
        deadline = time.monotonic() + 10
        while head_of(running).number <= head.number + 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert abs(head_of(running).time - running.state.clock_offset_seconds - time.time()) < 5


def test_find_anvil_prefers_the_one_that_is_named(tmp_path: Path) -> None:
    named = tmp_path / "my-anvil"
    named.write_text("#!/bin/sh\n")
    with pytest.raises(ConfigurationError, match="not an executable program"):
        find_anvil({"CITYLEDGER_ANVIL": str(named)})
    named.chmod(0o755)
    assert find_anvil({"CITYLEDGER_ANVIL": str(named)}) == str(named)
    assert os.access(find_anvil({"PATH": os.environ["PATH"]}), os.X_OK)
