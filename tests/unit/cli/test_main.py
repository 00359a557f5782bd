"""The command tree as a user meets it: help that teaches, quick start, exit codes."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from typer.main import get_command

from cityledger import __version__
from cityledger.cli import main as command_line
from cityledger.cli.main import application, run
from cityledger.cli.output import exit_code_of
from cityledger.errors import (
    ConfigurationError,
    CredentialError,
    DeniedError,
    FieldError,
    NotFoundError,
    RevertedError,
    SealingError,
    VerificationError,
)

EXAMPLE = re.compile(r"Example: `(cityledger [^`]+)`")


def commands() -> Iterator[tuple[str, object]]:
    """(words, command) of every command that does something."""

    def walk(words: str, command: object) -> Iterator[tuple[str, object]]:
        subcommands = getattr(command, "commands", None)
        if subcommands is None:
            yield words, command
        else:
            for name, one in subcommands.items():
                yield from walk(f"{words} {name}".strip(), one)

    return walk("", get_command(application()))


COMMANDS = dict(commands())


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_help_teaches_with_an_example_that_parses(words: str) -> None:
    help_text = " ".join(str(COMMANDS[words].help).split())  # type: ignore[attr-defined]
    found = EXAMPLE.findall(help_text)
    assert found, f"the help of `{words}` has no example"
    for example in found:
        first = example.partition(" && ")[0]
        arguments = shlex.split(first)[1:]
        assert " ".join(arguments).startswith(words)
        rest = arguments[len(words.split()) :]
        COMMANDS[words].make_context(words, rest, resilient_parsing=False)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", command_line.GROUPS)
def test_help_works_without_the_node_extra(name: str) -> None:
    """In a process where importing any of the extra's modules fails."""
    script = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {sorted(command_line._NODE_ONLY)!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from cityledger.cli.main import run\n"
        f"assert run(['{name}', '--help']) == 0\n"
        "sys.exit(run(['contracts', 'verify']))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "pip install 'cityledger[node]'" in ended.stderr


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from cityledger.cli.main import run; run(['--help']);"
        "sys.exit(','.join({'web3', 'sqlalchemy', 'fastapi', 'eth_account'} & set(sys.modules)) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 1),
        (NotFoundError("x"), 1),
        (RevertedError("AgencyRegistryCodeTaken", {}), 1),
        (FieldError("code", "x"), 2),
        (DeniedError(11, "x"), 3),
        (CredentialError("x"), 3),
        (RevertedError("AccessManagedUnauthorized", {}), 3),
        (RevertedError("DataCatalogNotSteward", {}), 3),
        (RevertedError("RecordLedgerNotAccount", {}), 3),
        (VerificationError("x"), 4),
        (SealingError("x"), 4),
    ],
)
def test_exit_code_of_each_kind_of_error(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["agency", "suspend"],
        ["devnet", "warp"],
        ["officer", "appoint", "1", "0x", "--role", "king"],
    ],
)
def test_run_tells_wrong_usage_by_2(arguments: list[str]) -> None:
    assert run(arguments) == 2


def test_run_tells_an_error_on_stderr_and_leaves_stdout_clean(
    capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    assert run(["contracts", "list", "--manifest", f"{tmp_path}/none.json"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("Error: ")
    assert "cityledger contracts deploy" in output.err


def test_run_tells_an_error_as_json(capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    assert run(["contracts", "list", "--json", "--manifest", f"{tmp_path}/none.json"]) == 1
    error = json.loads(capsys.readouterr().err)
    assert error["error"] == "ConfigurationError"
    assert "none.json is missing" in error["message"]


def test_run_raises_for_a_module_that_no_extra_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours must not be reported as a missing extra."""

    def broken() -> typer.Typer:
        importlib.import_module("no_such_module")
        raise AssertionError

    monkeypatch.setattr(command_line, "application", broken)
    with pytest.raises(ModuleNotFoundError):
        run([])


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"cityledger {__version__}\n"


def test_help_begins_with_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "cityledger demo" in capsys.readouterr().out
