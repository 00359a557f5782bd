"""A node in a process of its own, that a test kills, or that kills itself at a point, and starts again."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash.nursery import Child, Nursery
from crash.waiting import await_that
from support.node.node_process import PASSPHRASE, clean_environment

_KILLED = -signal.SIGKILL
_START_SECONDS = 120.0


@dataclass
class NodeThatDies:
    """The command line on one node's folder. ``log`` holds what every process of it wrote to stderr."""

    folder: Path
    nursery: Nursery
    url: str = ""
    kills: int = 0
    _process: Child | None = None
    _seen: int = field(default=0, init=False)

    @property
    def log(self) -> str:
        path = self.folder.parent / f"{self.folder.name}.log"
        return path.read_text() if path.exists() else ""

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, point: str | None = None) -> None:
        """Serves, and returns once the process is asked to; ``point`` is where it is to die."""
        assert not self.is_alive
        self._seen = len(self.log)
        path = self.folder.parent / f"{self.folder.name}.log"
        self._output = path.with_suffix(".out")
        self._output.unlink(missing_ok=True)
        command = [*([point] if point else []), "--"]
        command += ["node", "serve", "--folder", str(self.folder), "--port", "0"]
        self._process = self.nursery.start(command, _environment(), self._output, path)

    def serve(self, point: str | None = None) -> None:
        """Serves, and returns once the node answers reads."""
        self.start(point)
        self.await_ready()

    def await_ready(self) -> None:
        await_that("the node is ready", lambda: self._announced_url() or not self.is_alive, _START_SECONDS)
        self.url = self._announced_url()
        assert self.url, f"the node ended before it was ready: {self.log[self._seen :]}"

    def await_death(self) -> None:
        """Waits until the process is gone, by its own hand.

        Raises:
            AssertionError: it lives on, or ended otherwise.
        """
        assert self._process is not None
        try:
            code = self._process.wait(timeout=_START_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the point was never reached: {self.log[self._seen :]}") from None
        assert code == _KILLED, f"ended with {code}: {self.log[self._seen :]}"
        self.kills += 1
        self._process = None

    def die_at(self, point: str) -> None:
        """Serves until the process dies at the point: for points that need no request."""
        self.start(point)
        self.await_death()

    def kill(self) -> None:
        """SIGKILL from outside: the process gets to do nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self.await_death()

    def kill_unless_ended(self) -> None:
        """As ``kill``, of a process that may just be ending: without its chain it does so by itself."""
        assert self._process is not None
        if self.is_alive:
            self._process.send_signal(signal.SIGKILL)
        self.kills += self._process.wait(timeout=_START_SECONDS) == _KILLED
        self._process = None

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=60)
        self._process = None
        return code

    def await_end(self) -> int:
        """The exit status of a process that ends by itself."""
        assert self._process is not None
        code = self._process.wait(_START_SECONDS)
        self._process = None
        return code

    def await_end_within(self, seconds: float) -> None:
        """Lets it run for so long, or until it ends by itself."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def is_ready_within(self, seconds: float) -> bool:
        """Whether it answers reads in time; a node that cannot reach its chain may end instead."""
        try:
            await_that("the node is ready", lambda: self._announced_url() or not self.is_alive, seconds)
        except AssertionError:
            return False
        self.url = self._announced_url()
        return bool(self.url) and self.is_alive

    def await_log(self, words: str, *, since_start: bool = True) -> None:
        """Waits until the process that runs now has logged something that fits the pattern."""
        begin = self._seen if since_start else 0
        await_that(f"the log says {words!r}", lambda: re.search(words, self.log[begin:]))

    def run(self, *arguments: str, code: int = 0, point: str | None = None) -> str:
        """Another command on the same folder; stdout, with stderr before it where another exit status is
        expected. With a ``point``, the command must die there.
        """
        code = code if point is None else _KILLED
        out, log = (self.folder.parent / f"command.{name}" for name in ("out", "log"))
        for path in (out, log):
            path.write_bytes(b"")
        command = [*([point] if point else []), "--", *arguments]
        ended = self.nursery.start(command, _environment(), out, log).wait(120)
        message = f"{arguments} ended with {ended}: {log.read_text()}{out.read_text()}"
        assert ended == code, message
        return ("" if code == 0 else log.read_text()) + out.read_text()

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def set(self, **values: object) -> None:
        """Changes settings; the next start reads them."""
        path = self.folder / "cityledger.toml"
        text = path.read_text()
        for name, value in values.items():
            text = re.sub(rf"(?m)^(# *)?{name} = .*\n", "", text)
            text = f"{name} = {json.dumps(value)}\n" + text
        path.write_text(text)

    def _announced_url(self) -> str:
        output = self._output.read_text() if self._output.exists() else ""
        found = re.search(r"http://\S+(?=\s)", output)
        return found[0] if found else ""


def _environment() -> dict[str, str]:
    return {**clean_environment(), "CITYLEDGER_PASSPHRASE": PASSPHRASE}
