"""A devnet: anvil as a child process in a folder, findable and stoppable from other processes.

``devnet.json`` in the folder holds pid, RPC URL, accounts and how far the devnet's clock was warped; a node
follows that offset. Everything here is for development: the accounts' keys are known to the whole world.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from cityledger.chain.manifest import load_json, save_json
from cityledger.chain.rpc.endpoint import Endpoint, connect
from cityledger.errors import ChainUnavailableError, ConfigurationError
from cityledger.types import Address

CHAIN_ID = 31337
MNEMONIC = "test test test test test test test test test test test junk"
"""Devnet only: every Ethereum developer knows these keys."""
STATE_NAME = "devnet.json"
_PORT_NAME = "port"
HARDFORK = "prague"
GAS_LIMIT = 1_000_000_000
"""Of a block: the demo fills a city in few blocks."""
KEPT_STATES = 32
"""Newest blocks whose state a kept chain can be asked for: at a block a second, twice what a node may be
behind and still read. Blocks, transactions and events are kept from the first on; each state holds the hash
of every block, so a long-lived chain still grows by some kilobytes a block.
"""
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DevnetState:
    """The content of ``devnet.json``."""

    pid: int
    rpc_url: str
    ipc_path: str | None
    chain_id: int
    block_time_seconds: int
    mnemonic: str
    accounts: tuple[Address, ...]
    clock_offset_seconds: int
    """How far the devnet's clock runs ahead of the wall clock."""


class Devnet:
    """A running devnet. As a context manager it is stopped at the end."""

    def __init__(
        self, folder: Path, state: DevnetState, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.folder = folder
        self.state = state
        self._process = process

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        block_time: int = 1,
        accounts: int = 80,
        port: int = 0,
        ipc: bool = False,
        keep_state: bool = False,
        environment: Mapping[str, str] = os.environ,
    ) -> Devnet:
        """Starts anvil and returns once it answers.

        ``block_time`` in seconds; 0 mines each transaction at once, and no block when idle, so reads at a
        node go stale: contract tests only. ``port`` 0 takes the one that the folder had
        last, so that nodes find the chain again, else a free one. ``ipc`` also listens in ``folder``.
        ``keep_state`` keeps the chain in ``folder`` across restarts; without it a restart is another chain.
        It keeps every block, and the state of the newest ``KEPT_STATES``, so that its file stays small.

        Raises:
            ConfigurationError: anvil is not found, or a devnet runs in this folder already.
            ChainUnavailableError: anvil does not come up; the message quotes its log.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if find_devnet(folder) is not None:
            raise ConfigurationError(
                f"a devnet runs in {folder} already; stop it with `cityledger devnet down`"
            )
        ipc_path = str(folder / "anvil.ipc") if ipc else None
        port = port or _last_port(folder)
        command = _command(find_anvil(environment), folder, block_time, accounts, port, ipc_path, keep_state)
        with (folder / "anvil.log").open("wb") as log:
            # Its own session: Ctrl-C in the terminal that said "devnet up" must not end it.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            return cls._adopt(folder, process, block_time, ipc_path)
        except BaseException:
            _end(process.pid, process)
            raise

    @classmethod
    def attach(cls, folder: Path) -> Devnet:
        """The devnet that runs in the folder, started by any process.

        Raises:
            ConfigurationError: none does.
        """
        found = find_devnet(folder)
        if found is None:
            raise ConfigurationError(f"no devnet runs in {folder}; start one with `cityledger devnet up`")
        return cls(folder, found)

    @classmethod
    def _adopt(
        cls, folder: Path, process: subprocess.Popen[bytes], block_time: int, ipc_path: str | None
    ) -> Devnet:
        rpc_url = _listening_url(folder / "anvil.log", process)
        endpoint = connect(rpc_url, CHAIN_ID)
        accounts = tuple(Address(str(account)) for account in _checksummed(endpoint.request("eth_accounts")))
        # A kept chain may have been warped before: its clock continues from where it was.
        head_time = int(endpoint.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        offset = max(0, head_time - int(time.time()))
        if offset > 1:
            endpoint.request("evm_setTime", head_time * 1000)
        state = DevnetState(
            process.pid,
            rpc_url,
            ipc_path,
            CHAIN_ID,
            block_time,
            MNEMONIC,
            accounts,
            offset if offset > 1 else 0,
        )
        devnet = cls(folder, state, process)
        devnet._save()
        return devnet

    # --- use ------------------------------------------------------------------------------------------------

    @property
    def rpc_url(self) -> str:
        return self.state.rpc_url

    @property
    def ipc_url(self) -> str:
        """The RPC URL of the socket, when it was started with ``ipc``; ten times faster than HTTP."""
        if self.state.ipc_path is None:
            raise ConfigurationError("this devnet was started without ipc")
        return f"ipc:{self.state.ipc_path}"

    def connect(self) -> Endpoint:
        return connect(self.ipc_url if self.state.ipc_path else self.rpc_url, CHAIN_ID)

    def warp(self, seconds: int) -> int:
        """Moves the devnet's clock forward and mines a block; returns the new offset, which the node's clock
        follows.

        Raises:
            ConfigurationError: not forward.
        """
        if seconds <= 0:
            raise ConfigurationError("a devnet's clock only goes forward; give a positive number of seconds")
        endpoint = self.connect()
        offset = int(endpoint.request("evm_increaseTime", seconds))  # anvil answers with the sum of all warps
        endpoint.request("evm_mine")
        # The file after the block: a node that sees them in this order finds the head young for a
        # moment, never stale.
        self.state = replace(self.state, clock_offset_seconds=offset)
        self._save()
        return self.state.clock_offset_seconds

    def stop(self) -> None:
        """Ends the process that was started here, and no other. Stopping twice does nothing."""
        if self._process is not None or _is_ours(self.state):
            _end(self.state.pid, self._process)
        self._process = None
        (self.folder / STATE_NAME).unlink(missing_ok=True)

    def __enter__(self) -> Devnet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _save(self) -> None:
        save_json(self.folder / STATE_NAME, _state_json(self.state))
        (self.folder / _PORT_NAME).write_text(self.rpc_url.rpartition(":")[2] + "\n")


def devnet_account(index: int) -> LocalAccount:
    """The key of a devnet account. Devnet only: the whole world has it."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


def find_devnet(folder: Path) -> DevnetState | None:
    """The state of the devnet that runs in the folder; None if none does."""
    path = folder / STATE_NAME
    if not path.exists():
        return None
    state = load_state(path)
    return state if _is_ours(state) else None


def reset(folder: Path) -> None:
    """Stops the devnet in the folder, if one runs, and forgets its chain."""
    found = find_devnet(folder)
    if found is not None:
        Devnet(folder, found).stop()
    for name in (STATE_NAME, "anvil-state.json", "anvil.log"):
        (folder / name).unlink(missing_ok=True)


def load_state(path: Path) -> DevnetState:
    """Reads a ``devnet.json``.

    Raises:
        ConfigurationError: missing or malformed.
    """
    stored = load_json(path, "`cityledger devnet up` writes it")
    try:
        return DevnetState(
            pid=int(stored["pid"]),
            rpc_url=str(stored["rpcUrl"]),
            ipc_path=stored["ipcPath"],
            chain_id=int(stored["chainId"]),
            block_time_seconds=int(stored["blockTimeSeconds"]),
            mnemonic=str(stored["mnemonic"]),
            accounts=tuple(Address(account) for account in stored["accounts"]),
            clock_offset_seconds=int(stored["clock_offset_seconds"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path} is not a devnet's state: {error!r}") from error


def _last_port(folder: Path) -> int:
    """The port of the devnet that ran here before, if it is free now; else 0."""
    try:
        port = int((folder / _PORT_NAME).read_text())
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, ValueError, OverflowError):
        return 0
    return port


def find_anvil(environment: Mapping[str, str] = os.environ) -> str:
    """The anvil program: ``CITYLEDGER_ANVIL``, else ``node_modules`` of the project or the current folder,
    else PATH.

    Raises:
        ConfigurationError: nowhere; says what to do.
    """
    named = environment.get("CITYLEDGER_ANVIL")
    if named:
        if not os.access(named, os.X_OK):
            raise ConfigurationError(f"CITYLEDGER_ANVIL names {named}, which is not an executable program")
        return named
    for folder in (Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents):
        for native in sorted((folder / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*")):
            if os.access(native, os.X_OK):
                return str(native)
    on_path = shutil.which("anvil", path=environment.get("PATH"))
    if on_path:
        return on_path
    raise ConfigurationError(
        "anvil is not found; run `make setup` in the project's folder or name the program in CITYLEDGER_ANVIL"
    )


def _command(
    anvil: str,
    folder: Path,
    block_time: int,
    accounts: int,
    port: int,
    ipc_path: str | None,
    keep_state: bool,
) -> list[str]:
    # Neither --timestamp nor --number: a reset must give another genesis, and so another instance.
    command = [anvil, "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)]
    command += ["--hardfork", HARDFORK, "--gas-limit", str(GAS_LIMIT), "--slots-in-an-epoch", "1"]
    command += [
        "--accounts",
        str(accounts),
        "--balance",
        "1000000",
        "--mnemonic",
        MNEMONIC,
        "--order",
        "fifo",
    ]
    command += ["--block-time", str(block_time)] if block_time else []
    command += ["--ipc", ipc_path] if ipc_path else []
    if keep_state:
        command += ["--state", str(folder / "anvil-state.json"), "--state-interval", "5"]
        # Else each dump writes the states of all blocks, 0.2 MB each with our contracts: the chain stalls.
        command += ["--preserve-historical-states", "--prune-history", str(KEPT_STATES)]
    return command


def _listening_url(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Waits until anvil prints its port, which is the moment it listens."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        for line in log.read_text("utf-8", "replace").splitlines():
            if line.startswith("Listening on "):
                return "http://" + line.removeprefix("Listening on ").strip()
        if process.poll() is not None:
            break
        time.sleep(0.01)
    output = log.read_text("utf-8", "replace").strip()[-500:]
    raise ChainUnavailableError(f"anvil did not start: {output or 'it printed nothing'}")


def _is_ours(state: DevnetState) -> bool:
    """Whether the pid is still an anvil; a pid alone may have gone to another program since."""
    return "anvil" in _command_line(state.pid) and state.pid > 0


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        pass
    if Path("/proc/self").exists():
        return ""  # Linux, and the process is gone
    listed = subprocess.run(["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, check=False)
    return listed.stdout.decode("utf-8", "replace")


def _end(pid: int, process: subprocess.Popen[bytes] | None) -> None:
    """SIGTERM, so that a kept chain is written; SIGKILL if that does not help."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, kind)
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None if process else "anvil" not in _command_line(pid):
                return
            time.sleep(0.02)


def _checksummed(accounts: list[str]) -> list[str]:
    return [to_checksum_address(account) for account in accounts]


def _state_json(state: DevnetState) -> dict[str, Any]:
    return {
        "pid": state.pid,
        "rpcUrl": state.rpc_url,
        "ipcPath": state.ipc_path,
        "chainId": str(state.chain_id),
        "blockTimeSeconds": state.block_time_seconds,
        "mnemonic": state.mnemonic,
        "accounts": list(state.accounts),
        "clock_offset_seconds": state.clock_offset_seconds,
    }
