"""A password with / ? or # in it ended the place of a shown URL early: its beginning was shown as host."""

from __future__ import annotations

import pytest

from cityledger.settings.showing import masked


@pytest.mark.parametrize("character", "/?#")
def test_no_piece_of_a_password_is_shown(character: str) -> None:
    shown = masked(f"postgresql://city:secret{character}rest@127.0.0.1:5432/node")

    assert "secret" not in shown
    assert "rest" not in shown
    assert shown.startswith("postgresql://")
