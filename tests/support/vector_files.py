"""The checked-in test vectors. ``scripts/make_vectors.py`` makes them."""

import json
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
VECTORS = REPOSITORY / "tests" / "vectors"


def load_vectors(name: str, expect: str | None = None) -> list[Any]:
    """The vectors of a file as pytest parameters with their names as ids; ``expect`` picks ok or refuse."""
    vectors = json.loads((VECTORS / name).read_bytes())["vectors"]
    chosen = [item for item in vectors if expect in (None, item["expect"])]
    assert chosen, f"{name} has no vector to expect {expect}"
    return [pytest.param(item, id=item["name"]) for item in chosen]


def unhex(text: str) -> bytes:
    assert text.startswith("0x")
    return bytes.fromhex(text[2:])
