"""The client and the verifier work where only the base dependencies are installed."""

import subprocess
import sys

from cityledger.cli.main import _NODE_ONLY


def test_client_imports_nothing_of_the_nodes_extra() -> None:
    script = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {sorted(_NODE_ONLY)!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "import cityledger.client\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
