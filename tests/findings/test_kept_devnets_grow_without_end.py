"""Once, a kept devnet wrote the states of all its blocks every five seconds: 429 MB after half an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityledger.devnet import KEPT_STATES, Devnet
from cityledger.types import BlockRef

pytestmark = pytest.mark.chain
BYTES_A_BLOCK = 16_000
"""Each state was more than 30,000 bytes, on a chain without any contract."""


def grown(folder: Path, blocks: int) -> int:
    """The size of the kept chain after so many blocks more."""
    with Devnet.start(folder, block_time=0, ipc=True, keep_state=True) as running:
        endpoint = running.connect()
        for _ in range(blocks):
            endpoint.request("evm_mine")
    return (folder / "anvil-state.json").stat().st_size


def test_a_kept_chain_holds_the_states_of_its_newest_blocks_only(tmp_path: Path) -> None:
    first = grown(tmp_path, 2 * KEPT_STATES)
    later = grown(tmp_path, 4 * KEPT_STATES)
    assert (later - first) / (4 * KEPT_STATES) < BYTES_A_BLOCK
    with Devnet.start(tmp_path, block_time=0, ipc=True, keep_state=True) as running:
        endpoint, account = running.connect(), running.state.accounts[0]
        head = int(endpoint.request("eth_blockNumber"), 16)
        assert head >= 6 * KEPT_STATES
        header = endpoint.request("eth_getBlockByNumber", hex(head - KEPT_STATES // 2), False)
        block = BlockRef(
            int(header["number"], 16), bytes.fromhex(header["hash"][2:]), int(header["timestamp"], 16)
        )
        assert endpoint.code(account, block) == b""
        assert endpoint.request("eth_getBlockByNumber", "0x5", False) is not None
