"""Deploys the contracts: what `cityledger contracts deploy` does, for scripts and for `brownie run deploy`.

python scripts/deploy.py --rpc http://127.0.0.1:8545
brownie run deploy main --rpc http://127.0.0.1:8545
"""

from __future__ import annotations

import sys

from cityledger.cli.main import run


def main(*arguments: str) -> None:
    """Brownie calls this by name, without arguments unless some were given."""
    code = run(["contracts", "deploy", *arguments])
    if code:
        raise SystemExit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
