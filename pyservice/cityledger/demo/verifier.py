"""Runs the independent verifier: another program, in another process, with only the standard library."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

from cityledger.errors import ConfigurationError

NAME = "verify_proof.py"


def find_verifier() -> Path:
    """The script: in the installed package, otherwise in the checkout's ``scripts/``.

    Raises:
        ConfigurationError: it is in neither.
    """
    shipped = Path(str(resources.files("cityledger").joinpath("scripts", NAME)))
    checkout = Path(__file__).parents[3] / "scripts" / NAME
    found = next((path for path in (shipped, checkout) if path.is_file()), None)
    if found is None:
        raise ConfigurationError(f"{NAME} is neither in the package nor in a checkout next to it")
    return found


def run_verifier(proof: Path, rpc_url: str, ledger: str) -> tuple[int, str]:
    """Exit code and output of ``python -I verify_proof.py proof --rpc … --ledger …``."""
    words = [sys.executable, "-I", str(find_verifier()), str(proof), "--rpc", rpc_url, "--ledger", ledger]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    return done.returncode, (done.stdout + done.stderr).strip()
