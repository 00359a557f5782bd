from __future__ import annotations

import re
from pathlib import Path

import pytest

import cityledger
from cityledger.chain.rpc.methods import METHODS, Belief, find_method
from support.chain.lying_rpc import LIES

NOT_READ = {"eth_accounts", "eth_subscribe"}
"""A devnet's own accounts; and the WebSocket, which only wakes."""


def test_table_holds_every_method_that_the_package_uses_and_no_other() -> None:
    sources = sorted(Path(cityledger.__file__).parent.rglob("*.py"))
    used = {
        name
        for path in sources
        if path.name != "methods.py"
        for name in re.findall(r"""["'](eth_\w+)["']""", path.read_text("utf-8"))
    }
    assert used - NOT_READ == set(METHODS)


def test_there_is_a_lie_for_every_method() -> None:
    assert set(LIES) == set(METHODS)
    assert all(LIES.values())


def test_a_method_that_is_not_in_the_table_is_sent_to_one_endpoint() -> None:
    assert find_method("evm_mine").belief is Belief.ONE
    assert find_method("evm_mine").key({"any": "thing"}) is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("result", [7, True, "0xzz", "zz", [None], [7], {"hash": []}, {"number": {}}])
def test_key_refuses_what_is_of_another_shape(method: str, result: object) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        METHODS[method].key(result)
