"""Starts nodes fast: imports the package once, and forks a process for each that is asked for.

Each is a real process with a pid, files and threads of its own, and a kill -9 ends it as any other; only the
three seconds of importing are saved, some hundred times. Requests come as JSON lines on stdin, and what
happened goes out as JSON lines on stdout.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Child:
    """A process of the nursery, as ``subprocess.Popen`` would show it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = threading.Event()

    def ended(self, code: int) -> None:
        self.returncode = code
        self._ended.set()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit status, negative for a signal.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("node", timeout)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, kind: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, kind)


class Nursery:
    """The one that asks. As a context manager it ends the nursery, and with it whatever still runs."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._children: dict[int, Child] = {}
        self._born = threading.Condition()
        self._newest: Child | None = None
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, log: Path) -> Child:
        """Runs ``dying_node.py`` with the arguments."""
        request = {"arguments": arguments, "environment": dict(environment), "out": str(out), "log": str(log)}
        assert self._process.stdin is not None
        with self._lock, self._born:
            self._forget_newest()
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            assert self._born.wait_for(lambda: self._newest is not None, timeout=60)
            assert self._newest is not None
            return self._newest

    def _forget_newest(self) -> None:
        """In a method of its own: the reader sets it concurrently, which a type checker does not see."""
        self._newest = None

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children.values():
            child.send_signal(signal.SIGKILL)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._reader.join(timeout=30)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            with self._born:
                if "born" in event:
                    self._newest = self._children[event["born"]] = Child(event["born"])
                    self._born.notify_all()
                else:
                    self._children[event["ended"]].ended(event["code"])


def serve() -> None:
    """Forks for each line of stdin until it is closed, and reports each child's birth and end."""
    import cityledger.cli.main
    import cityledger.node.serving
    import cityledger.node.wiring
    import cityledger.settings  # noqa: F401

    wakeups, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        ready, _, _ = select.select([sys.stdin, wakeups], [], [])
        if wakeups in ready:
            os.read(wakeups, 4096)
            _reap()
        if sys.stdin in ready:
            line = sys.stdin.buffer.raw.readline()  # type: ignore[union-attr]  # unbuffered: select sees all
            if not line:
                return
            _report(born=_fork(json.loads(line), wakeups, wake))


def _fork(request: Mapping[str, Any], *inherited: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for one in inherited:
        os.close(one)
    _become(request)
    return 0


def _become(request: Mapping[str, Any]) -> None:
    """Turns this process into a node's; does not return."""
    code = 70
    try:
        for name, target in (("/dev/null", 0), (request["out"], 1), (request["log"], 2)):
            opened = os.open(name, os.O_RDWR | os.O_CREAT | (os.O_APPEND if target else 0), 0o600)
            os.dup2(opened, target)
            os.close(opened)
        os.environ.clear()
        os.environ.update(request["environment"])
        import dying_node  # type: ignore[import-not-found] # next to this script

        dying_node.run(request["arguments"])
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _report(ended=pid, code=os.waitstatus_to_exitcode(status))


def _report(**what: int) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    serve()
