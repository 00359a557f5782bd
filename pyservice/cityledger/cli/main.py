"""``cityledger``: one program, one group of commands a module.

To add a group, write a module with ``app = typer.Typer(help=…)`` and name it in ``GROUPS``; for a
single command, write a function there and name it in ``COMMANDS``. Such a module imports only the standard
library, typer and its neighbours at the top, and everything else inside the functions, so that ``--help`` is
quick and works everywhere. Each command's docstring has an Example: `cityledger …`, which a test runs through
the parser.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cityledger import __version__
from cityledger.cli.output import EXIT_ERROR, exit_code_of, print_error
from cityledger.errors import CityledgerError, ConfigurationError

GROUPS: dict[str, str] = {
    "devnet": "city.devnet",
    "contracts": "city.contracts",
    "agency": "city.agency",
    "purpose": "city.purpose",
    "officer": "city.officer",
    "dataset": "city.dataset",
    "grant": "city.grant",
    "record": "record.commands",
    "node": "node.commands",
    "audit": "audit",
    "settings": "settings",
}
"""The module of each group, below ``cli``."""
COMMANDS: dict[str, str] = {
    "demo": "demo.command",
    "verify": "verify.command",
    "whoami": "whoami.whoami",
    "token": "whoami.token",
}
"""Module and function of each single command, below ``cli``."""

_NODE_ONLY = {
    "alembic",
    "coincurve",
    "fastapi",
    "fhir",
    "prometheus_client",
    "siwe",
    "sqlalchemy",
    "uvicorn",
    "web3",
}
"""Top-level modules that come with the extra ``node``."""


def _print_version(requested: bool) -> None:
    if requested:
        print(f"cityledger {__version__}")
        raise typer.Exit


def application() -> typer.Typer:
    """The whole command tree."""
    app = typer.Typer(
        name="cityledger",
        help="Shared, rule-bound and provable records between the agencies of a city.\n\n"
        "Begin with a city of your own: `cityledger demo`.\n\n"
        "Exit codes: 0 ok, 1 error, 2 usage, 3 denied, 4 verification failed.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_program)
    for name, module in GROUPS.items():
        app.add_typer(
            importlib.import_module(f"cityledger.cli.{module}").app, name=name, no_args_is_help=True
        )
    for name, place in COMMANDS.items():
        module, _, function = place.partition(".")
        app.command(name)(getattr(importlib.import_module(f"cityledger.cli.{module}"), function))
    return app


_NO_THREAD = "can't start new thread"
_NO_MEMORY = (
    "too little memory or too few threads for this command; raise the limits (ulimit -v, ulimit -u, the"
    " container's), then start it again"
)


def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before any command."""


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code; prints errors itself."""
    as_json = "--json" in arguments
    try:
        application()(args=list(arguments), prog_name="cityledger")
    except SystemExit as exited:
        return exited.code if isinstance(exited.code, int) else 0
    except CityledgerError as error:
        print_error(error, as_json=as_json)
        return exit_code_of(error)
    except OSError as error:
        print_error(ConfigurationError(f"{error.filename or 'a file'}: {error.strerror}"), as_json=as_json)
        return EXIT_ERROR
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and _NO_THREAD not in str(error):
            raise
        print_error(ConfigurationError(_NO_MEMORY), as_json=as_json)
        return EXIT_ERROR
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NODE_ONLY:
            raise
        missing = ConfigurationError(
            f"this command needs {error.name}, which comes with the node: pip install 'cityledger[node]'"
        )
        print_error(missing, as_json=as_json)
        return EXIT_ERROR
    return 0


def main() -> None:
    """The entry point of the program."""
    sys.exit(run(sys.argv[1:]))
