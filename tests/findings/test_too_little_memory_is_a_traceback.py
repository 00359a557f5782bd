"""With too little memory or too few threads, ``node serve`` ended in a traceback."""

from __future__ import annotations

import pytest

from cityledger.cli import main


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_it_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def failing(**_given: object) -> None:
        raise error

    monkeypatch.setattr(main, "application", lambda: failing)

    assert main.run(["node", "serve"]) == 1
    printed = capsys.readouterr().err
    assert "too little memory or too few threads" in printed
    assert "Traceback" not in printed


def test_other_errors_of_the_program_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(**_given: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(main, "application", lambda: failing)
    with pytest.raises(RuntimeError, match="a mistake"):
        main.run(["node", "serve"])
