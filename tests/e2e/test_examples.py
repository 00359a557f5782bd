"""The examples, run as their first lines say, next to a running demo."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "pyservice" / "examples"
QUICKSTART = ROOT / "docs/developer/quickstart.md"
SAID = {
    "medical": ["written as version 1", "the patient has ", "visits here", "refused: denied by rule 8"],
    "property": ["first desk: entered as version 2", "second desk: ", '"type":"registration"', "transfer"],
    "parking": ["24 streets, 276 free spots; go to example-street-23 with 23"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a demo that stays up until the examples have run."""
    folder = tmp_path_factory.mktemp("examples") / "city"
    words = [sys.executable, "-m", "cityledger", "demo", "--folder", str(folder)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as demo:
        assert demo.stdout is not None
        ready_line = next((line for line in demo.stdout if "Keyring passphrase" in line), None)
        assert ready_line, "the demo ended before it was up"
        yield folder
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=60)


@pytest.mark.parametrize("name", sorted(SAID))
def test_example_runs_and_says_what_it_did(folder: Path, name: str) -> None:
    words = [sys.executable, str(EXAMPLES / f"{name}.py"), str(folder)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    for said in SAID[name]:
        assert said in ended.stdout


def test_snippet_of_the_quick_start_runs(folder: Path) -> None:
    section = QUICKSTART.read_text("utf-8").partition("## The SDK")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    assert ".cityledger/demo" in found[1]
    code = found[1].replace(".cityledger/demo", str(folder))
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "Outpatient encounters" in ended.stdout
    assert "READ permitted" in ended.stdout


def test_every_example_is_run_and_short() -> None:
    files = sorted(EXAMPLES.glob("*.py"))
    assert [file.stem for file in files] == sorted(SAID)
    for file in files:
        text = file.read_text()
        assert len(text.splitlines()) <= 70
        assert re.search(rf"python pyservice/examples/{file.stem}\.py \.cityledger/demo", text)
