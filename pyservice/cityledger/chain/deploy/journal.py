"""The journal of a deployment under way: every transaction is on disk, signed, before it is sent.

Running again sends the same bytes again, so a kill anywhere ends in the same deployment and no contract is
created twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from cityledger.chain.manifest import load_json, save_json
from cityledger.chain.rpc.endpoint import Endpoint, from_hex, to_hex
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Broadcast, Call, SignedTransaction, TransactionReceipt
from cityledger.errors import ChainError, ConfigurationError, WrongChainError
from cityledger.types import Address

FORMAT = "cityledger-deployment/1"
Hook = Callable[[str], None]
"""Is called with the name of each step after it is done; a test raises from it to simulate a kill."""


@dataclass(slots=True)
class Progress:
    """The transactions signed so far, by the step's name, in ascending nonces."""

    path: Path
    header: Mapping[str, Any]
    signed: dict[str, SignedTransaction] = field(default_factory=dict)

    def save(self) -> None:
        steps = [
            {"step": step, "nonce": one.nonce, "transaction": to_hex(one.hash), "raw": to_hex(one.raw)}
            for step, one in self.signed.items()
        ]
        save_json(self.path, {**self.header, "steps": steps}, private=True)


def open_progress(path: Path, endpoint: Endpoint, plan: Mapping[str, Any]) -> Progress:
    """The journal of this plan on this chain, new or existing.

    Raises:
        WrongChainError: it was begun on another chain, or on this one before a reset.
        ConfigurationError: it was begun with other values.
    """
    genesis = endpoint.request("eth_getBlockByNumber", "0x0", False)["hash"]
    header = {"format": FORMAT, "chainId": str(endpoint.chain_id), "genesis": genesis, **plan}
    if not path.exists():
        return Progress(path, header)
    stored = load_json(path, "")
    if (stored.get("chainId"), stored.get("genesis")) != (header["chainId"], genesis):
        raise WrongChainError(
            f"{path} was begun on another chain or before a reset; start from scratch with --replace"
        )
    other = sorted(key for key in header if stored.get(key) != header[key])
    if other:
        raise ConfigurationError(
            f"{path} was begun with another {', '.join(other)}; "
            "finish it with the same, or deploy with --replace"
        )
    signed = {
        one["step"]: SignedTransaction(from_hex(one["raw"]), from_hex(one["transaction"]), one["nonce"])
        for one in stored["steps"]
    }
    return Progress(path, header, signed)


def run_round(
    sender: Sender, account: LocalAccount, progress: Progress, calls: Mapping[str, Call], hook: Hook
) -> dict[str, TransactionReceipt]:
    """Signs what is not signed yet, saves, sends all, waits for all. Steps of one round share blocks.

    Raises:
        RevertedError: a step was mined and reverted.
        ChainError: the account sent another transaction since, so that a nonce is lost.
    """
    _sign_missing(sender, account, progress, calls)
    hook(f"signed {', '.join(calls)}")
    for step in calls:
        _send(sender, progress.signed[step])
        hook(f"sent {step}")
    receipts = sender.wait([progress.signed[step] for step in calls])
    for (step, call), receipt in zip(calls.items(), receipts, strict=True):
        sender.verify_succeeded(Address(account.address), call, receipt)
        hook(f"mined {step}")
    return dict(zip(calls, receipts, strict=True))


def next_nonces(sender: Sender, account: Address, progress: Progress, steps: Sequence[str]) -> dict[str, int]:
    """The nonce of each step: the one it was signed with, or the next free one."""
    used = [one.nonce for one in progress.signed.values()]
    free = max(used) + 1 if used else sender.nonce(account, "pending")
    nonces: dict[str, int] = {}
    for step in steps:
        known = progress.signed.get(step)
        nonces[step] = known.nonce if known else free
        free += 0 if known else 1
    return nonces


def _sign_missing(
    sender: Sender, account: LocalAccount, progress: Progress, calls: Mapping[str, Call]
) -> None:
    missing = [step for step in calls if step not in progress.signed]
    if not missing:
        return
    nonces = next_nonces(sender, Address(account.address), progress, missing)
    fees = sender.fees()
    for step in missing:
        progress.signed[step] = sender.sign(account, nonces[step], calls[step], fees)
    progress.save()


def _send(sender: Sender, signed: SignedTransaction) -> None:
    outcome = sender.broadcast(signed.raw)
    if outcome in (Broadcast.ACCEPTED, Broadcast.ALREADY_KNOWN) or sender.receipt(signed.hash) is not None:
        return
    raise ChainError(
        f"nonce {signed.nonce} is used ({outcome.value}): another program uses the deployer's account; "
        "deploy with --replace, from an account that nothing else uses"
    )
