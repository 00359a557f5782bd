from typing import Any

import pytest

from cityledger.cli.record.wait import RETRY_SECONDS, fetch_when_anchored
from cityledger.errors import NotAnchoredError


class Chain:
    """Mines after some looks; time passes only by sleeping."""

    def __init__(self, looks: int) -> None:
        self.left = looks
        self.time = 0.0

    def fetch(self) -> Any:
        if self.left:
            self.left -= 1
            raise NotAnchoredError("not mined yet")
        return "proof"

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def wait(self, patience: float) -> Any:
        return fetch_when_anchored(self.fetch, patience, now=lambda: self.time, sleep=self.sleep)


def test_fetch_when_anchored_gives_at_once_what_is_there() -> None:
    chain = Chain(0)
    assert (chain.wait(0), chain.time) == ("proof", 0)


def test_fetch_when_anchored_waits_and_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    chain = Chain(3)
    assert (chain.wait(60), chain.time) == ("proof", 3 * RETRY_SECONDS)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_fetch_when_anchored_gives_up_within_its_time() -> None:
    chain = Chain(1_000)
    with pytest.raises(NotAnchoredError):
        chain.wait(10)
    assert chain.time <= 10


def test_fetch_when_anchored_without_patience_names_the_option() -> None:
    with pytest.raises(NotAnchoredError, match="--wait"):
        Chain(1).wait(0)
