"""``cityledger contracts``: compile, deploy, list and verify."""

from __future__ import annotations

import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.arguments import address, duration
from cityledger.cli.chain_options import (
    DEVNET_CHAIN_ID,
    MANIFEST,
    AccountOption,
    DevnetAccountOption,
    ManifestOption,
    PasswordFileOption,
    RpcOption,
    open_chain,
    rpc_or_devnet,
    signer,
)
from cityledger.cli.output import JsonOption, note, print_fields, print_rows
from cityledger.cli.progress import progress
from cityledger.errors import ConfigurationError
from cityledger.types import Address

if TYPE_CHECKING:
    from cityledger.chain.deploy.deployment import Plan
    from cityledger.chain.rpc.endpoint import Endpoint

app = typer.Typer(help="Compile the contracts, deploy them, and check a deployment.")
_STEPS = 24
"""Steps that a deployment reports, for the progress bar."""


@app.command(name="compile")
def compile_() -> None:
    """Compile the contracts of a source checkout into the package. The installed package has them already.

    Example: `cityledger contracts compile`
    """
    places = [folder / "scripts/compile_contracts.py" for folder in (Path.cwd(), *Path.cwd().parents)]
    script = next((place for place in places if place.exists()), None)
    if script is None:
        raise ConfigurationError(
            "no sources here: compile in a source checkout. The installed package ships what it compiled"
        )
    ended = subprocess.run([sys.executable, str(script)], check=False)  # noqa: S603 - our own script
    raise typer.Exit(ended.returncode)


@app.command()
def deploy(
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    chain_id: Annotated[int, typer.Option(help="The only chain id to deploy to.")] = DEVNET_CHAIN_ID,
    council: Annotated[str | None, typer.Option(help="The council's account, a Safe in production.")] = None,
    guard: Annotated[str | None, typer.Option(help="The guard's account, which may suspend at once.")] = None,
    council_delay: Annotated[str | None, typer.Option(help="What the council waits, such as 2d.")] = None,
    loosening_delay: Annotated[str | None, typer.Option(help="What looser terms wait, such as 7d.")] = None,
    account: AccountOption = None,
    password_file: PasswordFileOption = None,
    devnet_account: DevnetAccountOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Set an older manifest aside and begin again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print addresses, gas and cost; send and write nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy the contracts and hand them to council and guard. Cut off, it is finished by running it again.

    On a devnet nothing need be said: accounts 0, 1 and 2 deploy, are council and guard, and nothing waits.

    Example: `cityledger contracts deploy`

    Example: `cityledger contracts deploy --dry-run --json`

    Example: `cityledger contracts deploy --rpc https://chain.example --chain-id 2024 --account deployer.json
    --council 0x… --guard 0x… --council-delay 2d --loosening-delay 7d`
    """
    from cityledger.chain.deploy import deployment
    from cityledger.chain.rpc.endpoint import connect

    on_devnet = chain_id == DEVNET_CHAIN_ID
    if on_devnet and account is None and devnet_account is None:
        devnet_account = 0
    plan = deployment.Plan(
        council=_governor("--council", council, on_devnet, 1),
        guard=_governor("--guard", guard, on_devnet, 2),
        council_delay_seconds=_delay("--council-delay", council_delay, on_devnet),
        loosening_delay_seconds=_delay("--loosening-delay", loosening_delay, on_devnet),
        commit=_source_commit(),
    )
    endpoint = connect(rpc_or_devnet(rpc), chain_id)
    deployer = signer(chain_id, account, password_file, devnet_account)
    if dry_run:
        _print_rehearsal(endpoint, Address(deployer.address), plan, manifest, replace, as_json)
        return
    done = count(1)
    with progress("deploying") as report:
        deployed = deployment.deploy(
            endpoint,
            deployer,
            plan,
            manifest,
            replace=replace,
            hook=lambda step: report("steps", next(done), _STEPS, step),
        )
    print_fields(
        {
            "manifest": str(manifest),
            "chain_id": deployed.chain_id,
            "instance": deployed.instance,
            "directory": deployed.address("CityDirectory"),
            "council": deployed.council,
            "guard": deployed.guard,
        },
        as_json=as_json,
    )
    note("next: cityledger agency admit --help")


def _print_rehearsal(
    endpoint: Endpoint, deployer: Address, plan: Plan, manifest: Path, replace: bool, as_json: bool
) -> None:
    from cityledger.chain.deploy.dry_run import rehearse
    from cityledger.chain.deploy.roles import FIRST_COUNCIL_CALLS

    rehearsal = rehearse(endpoint, deployer, plan, manifest, replace=replace)
    steps = [
        {
            "step": one.name,
            "contract": one.contract,
            "nonce": one.nonce,
            "gas": one.gas,
            "atMost": one.is_limit,
        }
        for one in rehearsal.steps
    ]
    totals = {
        "deployer": rehearsal.deployer,
        "gas": rehearsal.gas,
        "gasPriceWei": rehearsal.gas_price_wei,
        "costWei": rehearsal.cost_wei,
        "council": plan.council,
        "councilDelaySeconds": plan.council_delay_seconds,
        "councilCallsThatFollow": FIRST_COUNCIL_CALLS,
    }
    if as_json:
        print_fields({**totals, "steps": steps}, as_json=True)
        return
    print_rows(steps, ["step", "contract", "nonce", "gas", "atMost"], as_json=False)
    print_fields(totals, as_json=False)
    note("nothing was sent; the same without --dry-run deploys to these addresses")


@app.command(name="list")
def list_(manifest: ManifestOption = MANIFEST, as_json: JsonOption = False) -> None:
    """List the contracts of a deployment, as its manifest names them; asks no chain.

    Example: `cityledger contracts list --json`
    """
    from cityledger.chain.manifest import load_manifest

    loaded = load_manifest(manifest)
    rows = [
        {"contract": name, "address": one.address, "block": one.block, "transaction": one.transaction}
        for name, one in loaded.contracts.items()
    ]
    print_rows(rows, ["contract", "address", "block"], as_json=as_json)


@app.command()
def verify(
    rpc: RpcOption = None,
    manifest: ManifestOption = MANIFEST,
    council: Annotated[str | None, typer.Option(help="The council's account, as you know it.")] = None,
    guard: Annotated[str | None, typer.Option(help="The guard's account, as you know it.")] = None,
    deployer: Annotated[str | None, typer.Option(help="The account that deployed, as you know it.")] = None,
    directory: Annotated[str | None, typer.Option(help="The city directory, as you know it.")] = None,
    council_delay: Annotated[
        str | None, typer.Option(help="Delay of the council's calls, such as 2d.")
    ] = None,
    loosening_delay: Annotated[
        str | None, typer.Option(help="Delay before looser terms take effect.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check on the chain that the deployment is as the manifest says: that each contract was created by this
    program's code, its code and immutables, authorities, names, every role's members, admin and guardian,
    each function's role, delays, closed contracts, and what is scheduled.

    A manifest can name any account as council. Name the council and guard that you know from another source:
    what you name is compared, and a difference exits with 4; what you do not name is printed as not compared.

    Example: `cityledger contracts verify --rpc https://chain.example --manifest city.json --council 0x…
    --guard 0x… --council-delay 2d`
    """
    from cityledger.chain.deploy.inspection import Expected, manifest_values, verify_deployment

    expected = Expected(
        council=_known(council),
        guard=_known(guard),
        deployer=_known(deployer),
        directory=_known(directory),
        council_delay_seconds=None if council_delay is None else duration(council_delay),
        loosening_delay_seconds=None if loosening_delay is None else duration(loosening_delay),
    )
    access = open_chain(rpc, manifest)
    found = verify_deployment(access.endpoint, access.manifest, expected)
    values = manifest_values(access.manifest)
    not_compared = [name for name in values if name not in expected.compared]
    print_fields(
        {
            "verified": True,
            "instance": access.manifest.instance,
            "block": found.block.number,
            **values,
            "compared": expected.compared,
            "not_compared": not_compared,
            "scheduled": [str(one) for one in found.waiting],
        },
        as_json=as_json,
    )
    if not_compared:
        note("not compared with anything but the manifest: " + ", ".join(not_compared))


def _known(account: str | None) -> Address | None:
    return None if account is None else address(account)


def _governor(option: str, given: str | None, on_devnet: bool, number: int) -> Address:
    if given is not None:
        return address(given)
    if not on_devnet:
        raise typer.BadParameter(f"{option} is needed on this chain")
    from cityledger.devnet import devnet_account

    return Address(devnet_account(number).address)


def _delay(option: str, given: str | None, on_devnet: bool) -> int:
    if given is None and not on_devnet:
        raise typer.BadParameter(f"{option} is needed on this chain")
    return duration(given or "0")


def _source_commit() -> str:
    """The checkout that this package runs from, with "-dirty" if it was changed; "unknown" when it was
    installed.
    """
    import cityledger

    root = Path(cityledger.__file__).resolve().parents[2]
    if not (root / "contracts" / "SPEC.md").exists():
        return "unknown"
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip() or "unknown"
