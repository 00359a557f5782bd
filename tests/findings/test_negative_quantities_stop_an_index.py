"""A negative number in a header or receipt ended in an OverflowError that nothing expected: one endpoint of
three stopped the index with it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cityledger.chain.rpc.block_hashes import is_recomputed
from cityledger.chain.rpc.receipts_root import receipts_root

HEADER: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "unit/chain/rpc/real_headers.json").read_text("utf-8")
)["Ethereum mainnet, Prague"]
RECEIPT = {"status": "0x1", "cumulativeGasUsed": "0x5208", "logsBloom": "0x" + "00" * 256, "logs": []}


@pytest.mark.parametrize("field", ["difficulty", "gasUsed", "baseFeePerGas"])
def test_a_header_with_a_negative_number_is_not_recomputed(field: str) -> None:
    assert not is_recomputed({**HEADER, field: "-0x1"})


@pytest.mark.parametrize("field", ["status", "cumulativeGasUsed"])
def test_a_receipt_with_a_negative_number_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="negative"):
        receipts_root([{**RECEIPT, field: "-0x1"}])
