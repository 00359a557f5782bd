"""``cityledger devnet``: a chain of one's own, for development."""

from __future__ import annotations

from typing import Annotated

import typer

from cityledger.cli.arguments import finite_duration
from cityledger.cli.chain_options import DEVNET_FOLDER, FolderOption
from cityledger.cli.output import JsonOption, note, print_fields, print_rows

app = typer.Typer(help="Start, stop and warp a development chain. Its keys are known to the whole world.")

PortOption = Annotated[
    int,
    typer.Option(
        help="Port on 127.0.0.1; 0 takes that of the last time, else a free one.", min=0, max=65_535
    ),
]
AccountsOption = Annotated[int, typer.Option(help="How many funded accounts.", min=3, max=1_000)]
BlockTimeOption = Annotated[int, typer.Option(help="Seconds between blocks.", min=1)]
KeepOption = Annotated[
    bool,
    typer.Option("--keep-state", help="Keep the chain across down and up; state of the last 32 blocks."),
]


@app.command()
def up(
    folder: FolderOption = DEVNET_FOLDER,
    port: PortOption = 0,
    accounts: AccountsOption = 80,
    block_time: BlockTimeOption = 1,
    keep_state: KeepOption = False,
    as_json: JsonOption = False,
) -> None:
    """Start a devnet and return once it answers.

    Example: `cityledger devnet up --port 8545 --keep-state`
    """
    from cityledger.devnet import Devnet

    devnet = Devnet.start(folder, block_time=block_time, accounts=accounts, port=port, keep_state=keep_state)
    state = devnet.state
    print_fields(
        {"rpc": state.rpc_url, "chain_id": state.chain_id, "pid": state.pid, "folder": str(folder)},
        as_json=as_json,
    )
    note("next: cityledger contracts deploy")


@app.command()
def down(folder: FolderOption = DEVNET_FOLDER) -> None:
    """Stop the devnet; with nothing running, do nothing.

    Example: `cityledger devnet down`
    """
    from cityledger.devnet import Devnet, find_devnet

    if find_devnet(folder) is None:
        note(f"no devnet runs in {folder}")
        return
    Devnet.attach(folder).stop()


@app.command()
def reset(
    folder: FolderOption = DEVNET_FOLDER,
    port: PortOption = 0,
    accounts: AccountsOption = 80,
    block_time: BlockTimeOption = 1,
    keep_state: KeepOption = False,
    as_json: JsonOption = False,
) -> None:
    """Forget the chain and start an empty one: another instance, on which the contracts must be deployed
    again.

    Example: `cityledger devnet reset && cityledger contracts deploy --replace`
    """
    from cityledger import devnet

    devnet.reset(folder)
    up(folder, port, accounts, block_time, keep_state, as_json)
    note("a manifest of the old chain no longer fits: cityledger contracts deploy --replace")


@app.command()
def accounts(
    folder: FolderOption = DEVNET_FOLDER,
    keys: Annotated[
        bool, typer.Option("--keys", help="Show the private keys, which everybody knows.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the funded accounts, for `--devnet-account NUMBER`.

    Example: `cityledger devnet accounts --json`
    """
    from cityledger.devnet import Devnet, devnet_account

    uses = {0: "deployer", 1: "council", 2: "guard"}
    rows: list[dict[str, object]] = []
    for number, address in enumerate(Devnet.attach(folder).state.accounts):
        row: dict[str, object] = {"number": number, "address": address, "use": uses.get(number, "")}
        rows.append({**row, "key": bytes(devnet_account(number).key)} if keys else row)
    print_rows(rows, ["number", "address", "use", *(["key"] if keys else [])], as_json=as_json)


@app.command()
def warp(
    by: Annotated[str, typer.Argument(help="How far: 90s, 30m, 12h, 7d or 10y.")],
    folder: FolderOption = DEVNET_FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Move the devnet's clock forward, and that of the nodes which follow it.

    Example: `cityledger devnet warp 30d`
    """
    from cityledger.devnet import Devnet

    offset = Devnet.attach(folder).warp(finite_duration(by))
    print_fields({"clock_offset_seconds": offset}, as_json=as_json)
