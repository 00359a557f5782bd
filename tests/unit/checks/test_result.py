"""What an operator sees of a look, and what everybody may."""

from __future__ import annotations

from cityledger.checks.result import Line, Look, Seen, WrongError, line_of
from cityledger.errors import ChainUnavailableError


def test_look_that_finds_nothing_wrong_has_no_next_step() -> None:
    assert line_of(Look("funds", lambda: "enough", "send some")) == Line("funds", True, "enough", "enough")


def test_look_tells_the_operator_more_than_others() -> None:
    line = line_of(Look("endpoints", lambda: Seen("https://node.example: block 7", "1 of 1 answer"), ""))
    assert (line.detail, line.told) == ("https://node.example: block 7", "1 of 1 answer")


def test_failure_of_ours_tells_others_its_kind_only() -> None:
    def see() -> str:
        raise ChainUnavailableError("https://node.example does not answer")

    line = line_of(Look("endpoints", see, "start it"))
    assert (line.ok, line.detail) == (False, "https://node.example does not answer")
    assert (line.told, line.next_step) == ("ChainUnavailableError", "start it")


def test_failure_that_nobody_expected_tells_its_kind_to_all() -> None:
    def see() -> str:
        raise KeyError("a payload")

    line = line_of(Look("keyring", see, "look"))
    assert (line.ok, line.detail, line.told) == (False, "KeyError", "KeyError")


def test_wrong_thing_may_name_its_own_step_and_weight() -> None:
    def see() -> str:
        raise WrongError("stopped", detail="at block 7", next_step="rebuild", vital=False)

    line = line_of(Look("index", see, "serve"))
    assert line == Line("index", False, "at block 7", "stopped", "rebuild", vital=False)
