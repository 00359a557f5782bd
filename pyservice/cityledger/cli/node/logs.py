"""``cityledger node logs`` and ``node resume-log``: the logs, and the next step for a halted one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.node.options import NodeFolderOption
from cityledger.cli.output import EXIT_ERROR, JsonOption, note, print_fields, print_rows

if TYPE_CHECKING:
    import sqlalchemy as sa

    from cityledger.anchoring.overview import LogOverview
    from cityledger.settings import Settings
    from cityledger.store.engine.database import Database

_COLUMNS = (
    *("log", "agency", "kind", "next", "open", "closed", "signed", "mined", "final"),
    *("oldest_unanchored_seconds", "halt", "detail", "next_step"),
)


def show_logs(folder: NodeFolderOption = Path(), as_json: JsonOption = False) -> None:
    """Show each log: its batches by state, how old its oldest unanchored leaf is, and what halts it.

    Example: `cityledger node logs --folder .cityledger/node`

    Reads the database alone, so the node may run or be stopped. Ends with 1 if a log is halted and no other
    continues it.
    """
    from cityledger.anchoring.overview import overview_of

    with _opened(folder) as (settings, database), database.reading() as connection:
        found = overview_of(connection)
        _note_waiting(connection, settings)
    now = int(time.time()) + _offset(settings)
    print_rows([_row(one, now) for one in found], _COLUMNS, as_json=as_json)
    if any(one.next_step for one in found):
        raise typer.Exit(EXIT_ERROR)


def resume_log(
    log: Annotated[int, typer.Argument(min=1, help="Number of the log.")],
    folder: NodeFolderOption = Path(),
    new_baseline: Annotated[
        bool,
        typer.Option(
            "--new-baseline",
            help="Count from the present nonce of the operator's account. Only when nothing else signs with"
            " its key.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare a halted log with the chain again, and resume it if the cause of the halt is over.

    Example: `cityledger node resume-log 3 --folder .cityledger/node`

    The node may run: it resumes within a second or two. Ends with 1, the cause and the next step where the
    cause persists.
    """
    from cityledger.anchoring.halts import next_step_of
    from cityledger.anchoring.resuming import LogResumer
    from cityledger.chain.sender import Sender
    from cityledger.cli.chain_options import open_chain
    from cityledger.node.lock import verify_restored
    from cityledger.types import Address, LogId

    verify_restored(folder)
    with _opened(folder) as (settings, database):
        access = open_chain(settings.rpc_url, settings.manifest)
        operator = Address(settings.operator)
        resumer = LogResumer(database, access.contracts.ledger, Sender(access.endpoint), operator)
        resumed = resumer.resume(LogId(log), new_baseline=new_baseline)
        if resumed.halt is None:
            print_fields({"log": log, "halted": False, "resumed": list(resumed.logs)}, as_json=as_json)
            return
        halt = {"log": log, "halted": True, "cause": resumed.halt.cause.value}
        print_fields({**halt, "detail": resumed.halt.detail}, as_json=as_json)
        agency = access.code_of(resumer.agency_of(LogId(log)))
        note(f"next: {next_step_of(resumed.halt.cause, LogId(log), agency)}")
    raise typer.Exit(EXIT_ERROR)


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[Settings, Database]]:
    from cityledger.settings import load_settings
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.migrate import verify_schema

    settings = load_settings(folder, os.environ)
    with closing(Database(settings.database_url)) as database:
        verify_schema(database)
        yield settings, database


def _note_waiting(connection: sa.Connection, settings: Settings) -> None:
    """The account's newest transaction, and whether the limit of fees holds it up."""
    from cityledger.chain.transactions import read_signed
    from cityledger.store.anchoring import attempts, operator_accounts
    from cityledger.types import Address

    account = Address(settings.operator)
    state = operator_accounts.find_state(connection, account)
    if state is not None and state.halted is not None:
        note(f"account {account} is halted: {state.halted} ({state.halt_detail})")
    newest = max(attempts.find_end(connection, account)[0] - 1, 0)
    signed = attempts.list_attempts(connection, account, newest)
    if signed:
        offered = read_signed(signed[0].raw).fees.max_fee / 10**9
        note(
            f"newest transaction: nonce {signed[0].nonce}, signed {len(signed)} times, offers {offered:g}"
            f" gwei of at most {settings.max_fee_gwei}"
        )


def _offset(settings: Settings) -> int:
    from cityledger.devnet_clock import follow_offset

    return 0 if settings.devnet_state is None else follow_offset(settings.devnet_state)()


def _row(one: LogOverview, now: int) -> dict[str, object]:
    head, tally = one.head, one.tally
    halt = "" if head.halted is None else head.halted.value
    return {
        "log": head.log,
        "agency": one.agency,
        "kind": head.kind.name.lower(),
        "next": head.next_seq,
        "open": one.open_leaves,
        "closed": tally.closed,
        "signed": tally.signed,
        "mined": tally.mined,
        "final": tally.final,
        "oldest_unanchored_seconds": None
        if one.unanchored_since is None
        else max(now - one.unanchored_since, 0),
        "halt": f"{halt}, continued" if halt and one.is_continued else halt,
        "detail": head.halt_detail or "",
        "next_step": one.next_step,
    }
