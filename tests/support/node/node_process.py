"""The command line in processes of their own, a node that serves among them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PASSPHRASE = "correct horse"


@dataclass
class Process:
    """Runs the command line in processes of their own, in one folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    served: subprocess.Popen[str] | None = None

    def run(self, *arguments: str, code: int = 0) -> str:
        """Stdout; stderr is in the message when the exit code is another."""
        ended = subprocess.run(
            [sys.executable, "-m", "cityledger", *arguments],
            cwd=self.folder,
            env={**clean_environment(), "CITYLEDGER_PASSPHRASE": PASSPHRASE, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == code, (
            f"{arguments} ended with {ended.returncode}: {ended.stderr}{ended.stdout}"
        )
        return ended.stdout if code == 0 else ended.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    def serve(self, *before: str) -> str:
        """Serves until ``stop``; returns the URL once the node is ready. ``before`` comes before the command,
        e.g. ``prlimit --nofile=64``.
        """
        serve = ["node", "serve", "--folder", "node", "--port", "0"]
        command = [*before, sys.executable, "-m", "cityledger", *serve]
        with (self.folder / "serve.log").open("a") as log:
            self.served = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**clean_environment(), "CITYLEDGER_PASSPHRASE": PASSPHRASE},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.served.stdout is not None
        found = re.search(r"http://\S+", self.served.stdout.readline())
        assert found, (self.folder / "serve.log").read_text()
        self.environment["CITYLEDGER_NODE"] = found[0]
        return found[0]

    def kill(self) -> None:
        """SIGKILL: the process gets to do nothing more."""
        self.stop(signal.SIGKILL)

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> int:
        assert self.served is not None
        self.served.send_signal(kind)
        code = self.served.wait(timeout=60)
        assert self.served.stdout is not None
        self.served.stdout.close()
        self.served = None
        return code


def clean_environment() -> dict[str, str]:
    """The environment without what a developer's shell may say to the command line."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CITYLEDGER_")}
