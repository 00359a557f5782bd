"""Options and steps that all commands on the chain share: where it is, which contracts, and who signs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.output import note, print_fields
from cityledger.errors import ConfigurationError, NotFoundError
from cityledger.types import Address, AgencyId, DatasetId

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from cityledger.chain.contracts import Contracts
    from cityledger.chain.manifest import Manifest
    from cityledger.chain.rpc.endpoint import Endpoint
    from cityledger.chain.transactions import Call, TransactionReceipt

DEVNET_FOLDER = Path(".cityledger/devnet")
MANIFEST = Path(".cityledger/manifest.json")
DEVNET_CHAIN_ID = 31337

FolderOption = Annotated[
    Path, typer.Option("--folder", envvar="CITYLEDGER_DEVNET", help="Folder of the devnet.", file_okay=False)
]
RpcOption = Annotated[
    str | None,
    typer.Option("--rpc", envvar="CITYLEDGER_RPC_URL", help="URL of the chain.  [default: the devnet's]"),
]
ManifestOption = Annotated[
    Path, typer.Option("--manifest", envvar="CITYLEDGER_MANIFEST", help="Manifest of the deployment.")
]
AccountOption = Annotated[
    Path | None,
    typer.Option("--account", envvar="CITYLEDGER_ACCOUNT", help="Keystore file of the account that signs."),
]
PasswordFileOption = Annotated[
    Path | None,
    typer.Option("--password-file", help="File with the keystore's passphrase.  [default: asked for]"),
]
DevnetAccountOption = Annotated[
    int | None,
    typer.Option("--devnet-account", min=0, help="Sign with this account of the devnet. Devnet only."),
]

Signing = tuple[Path | None, Path | None, int | None]
"""What the three options that say who signs were given: --account, --password-file, --devnet-account."""


@dataclass(frozen=True, slots=True)
class ChainAccess:
    """An open deployment."""

    endpoint: Endpoint
    manifest: Manifest
    contracts: Contracts

    def head_time(self) -> int:
        """Unix seconds of the newest block."""
        return int(self.endpoint.head()["timestamp"], 16)

    def agency(self, text: str) -> AgencyId:
        """The agency of that number or code.

        Raises:
            NotFoundError: there is none.
        """
        if text.isdecimal():
            found = self.contracts.agencies.find_agency(AgencyId(int(text)), "latest")
            number = found.agency if found else None
        else:
            number = self.contracts.agencies.find_by_code(text, "latest")
        if number is None:
            raise NotFoundError(f"agency: {text}")
        return number

    def code_of(self, agency: AgencyId) -> str:
        """The agency's code; its number where the chain knows no such agency."""
        found = self.contracts.agencies.find_agency(agency, "latest")
        return str(agency) if found is None else found.code

    def dataset(self, text: str) -> DatasetId:
        """The dataset ``CODE/duty/entry/dataset``, or of that 0x-hex id.

        Raises:
            NotFoundError: there is none.
        """
        from cityledger.cli.arguments import bytes32

        if text.startswith("0x"):
            dataset = DatasetId(bytes32(text))
        else:
            code, _, path = text.partition("/")
            dataset = dataset_id(self.manifest.instance, self.agency(code), path)
        if self.contracts.catalog.find_dataset(dataset, "latest") is None:
            raise NotFoundError(f"dataset: {text}")
        return dataset


def dataset_id(instance: bytes, provider: AgencyId, path: str) -> DatasetId:
    """keccak(abi.encode(instance, provider, path)) (SPEC.md §1)."""
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    return DatasetId(keccak(encode(["bytes32", "uint32", "string"], [instance, provider, path])))


def rpc_or_devnet(rpc: str | None) -> str:
    """The URL that was given, or that of the devnet which runs in its usual folder.

    Raises:
        ConfigurationError: neither.
    """
    if rpc:
        return rpc
    from cityledger.devnet import find_devnet

    found = find_devnet(Path(os.environ.get("CITYLEDGER_DEVNET", DEVNET_FOLDER)))
    if found is None:
        raise ConfigurationError("no chain: give --rpc URL, or start a devnet with `cityledger devnet up`")
    return found.rpc_url


def open_chain(rpc: str | None, manifest_path: Path) -> ChainAccess:
    """Connects, and checks that the manifest's contracts are deployed there.

    Raises:
        ConfigurationError: no chain or no manifest.
        WrongChainError: the manifest is of another chain or instance.
    """
    from cityledger.chain.contracts import contracts_of
    from cityledger.chain.deploy.deployment import verify_manifest
    from cityledger.chain.manifest import load_manifest
    from cityledger.chain.rpc.endpoint import connect

    manifest = load_manifest(manifest_path)
    endpoint = connect(rpc_or_devnet(rpc), manifest.chain_id)
    verify_manifest(endpoint, manifest, str(manifest_path))
    return ChainAccess(endpoint, manifest, contracts_of(endpoint, manifest))


def signer(
    chain_id: int, account: Path | None, password_file: Path | None, devnet_account: int | None
) -> LocalAccount:
    """The account that signs, from exactly one of the two options.

    Raises:
        KeyringError: the keystore cannot be read or opened.
        ConfigurationError: a devnet account on another chain: the whole world has its key.
    """
    if (account is None) == (devnet_account is None):
        raise typer.BadParameter("name who signs by exactly one of --account and --devnet-account")
    if account is not None:
        from cityledger.client.credentials.keystores import load_account

        return load_account(account, password_file, ask_passphrase)
    if chain_id != DEVNET_CHAIN_ID:
        raise ConfigurationError(f"--devnet-account is for chain {DEVNET_CHAIN_ID}; this is chain {chain_id}")
    from cityledger.devnet import devnet_account as account_of

    return account_of(devnet_account or 0)


def signer_or_new(
    chain_id: int, account: Path | None, password_file: Path | None, devnet_account: int | None
) -> LocalAccount:
    """As ``signer``; without either option an account with a new random key."""
    from eth_account import Account

    if account is None and devnet_account is None:
        made: LocalAccount = Account.create()
        return made
    return signer(chain_id, account, password_file, devnet_account)


def send(access: ChainAccess, account: LocalAccount, call: Call) -> TransactionReceipt:
    """Sends and waits until it is mined."""
    from cityledger.chain.sender import Sender

    return Sender(access.endpoint).transact(account, call)


def send_governed(access: ChainAccess, account: LocalAccount, call: Call) -> TransactionReceipt | None:
    """Sends a call of council or guard. Where it has a delay, the first run schedules it and the
    second, after the delay, makes it; None means that it now waits.

    Raises:
        RevertedError: the account is neither.
    """
    manager, caller = access.contracts.manager, Address(account.address)
    if not manager.delay_of(caller, call, "latest"):
        return send(access, account, call)
    due = manager.find_schedule(caller, call, "latest")
    if due is None:
        send(access, account, manager.schedule(call))
        due = manager.find_schedule(caller, call, "latest")
    if due is not None and access.head_time() < due:
        from cityledger.cli.arguments import shown_moment

        note(f"{call.what} is scheduled; run the same command again after {shown_moment(due)}")
        return None
    return send(access, account, call)


def print_sent(receipt: TransactionReceipt | None, facts: Mapping[str, object], *, as_json: bool) -> None:
    """What was done, and its place on the chain."""
    if receipt is None:
        print_fields({**facts, "state": "scheduled"}, as_json=as_json)
        return
    place = {"block": receipt.block_number, "transaction": receipt.transaction}
    print_fields({**facts, "state": "mined", **place}, as_json=as_json)


def ask_passphrase(path: Path) -> str:
    return str(typer.prompt(f"Passphrase of {path}", hide_input=True, err=True))
