"""The README's first command as a stranger uses it: start it, copy what it prints, end it, start it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cityledger.devnet import find_devnet

pytestmark = pytest.mark.timeout(300)
DEMO = [sys.executable, "-m", "cityledger", "demo"]
SCENES = 12


@dataclass
class RunningDemo:
    process: subprocess.Popen[str]
    folder: Path
    lines: list[str]

    def commands(self, word: str) -> list[str]:
        """The copy-paste commands whose scene's title or line holds ``word``."""
        scene, found = "", []
        for line in self.lines:
            if not line.startswith(" "):
                scene = line
            if line.strip().startswith("$ ") and word in scene:
                found.append(line.strip()[2:])
        return found

    def curl(self, word: str) -> tuple[int, str]:
        """Runs the one command of a scene as printed; returns HTTP status and body."""
        (command,) = self.commands(word)
        done = subprocess.run(
            ["bash", "-c", command.replace("curl -s", "curl -s -w '\\n%{http_code}'", 1)],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body


def _start(folder: Path, *options: str) -> subprocess.Popen[str]:
    words = [*DEMO, "--folder", str(folder), *options]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )


def _run_once(folder: Path) -> subprocess.CompletedProcess[str]:
    words = [*DEMO, "--once", "--folder", str(folder)]
    return subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)


def _read_until(process: subprocess.Popen[str], word: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if word in line:
            break
    return lines


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    folder = tmp_path_factory.mktemp("demo") / "city"
    with _start(folder) as process:
        yield RunningDemo(process, folder, _read_until(process, "Keyring passphrase"))
        process.send_signal(signal.SIGINT)
        last, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Ending" in last


def test_demo_shows_every_scene_as_expected(demo: RunningDemo) -> None:
    titles = [line for line in demo.lines if line[:1].isdigit()]

    assert len(titles) == SCENES, "\n".join(demo.lines)
    assert all("✓" in title for title in titles)
    assert "Every scene succeeded." in demo.lines


def test_demo_admits_53_agencies_with_names_in_english_and_chinese(demo: RunningDemo) -> None:
    status, body = demo.curl("53 agencies")

    agencies = json.loads(body)["agencies"]
    assert status == 200
    assert len(agencies) == 53
    assert all(one["name"].isascii() and not one["localName"].isascii() for one in agencies)


def test_printed_curl_reads_a_record_of_another_agency_and_refuses_a_third(demo: RunningDemo) -> None:
    read, title = demo.curl("Road parking is shared"), demo.curl("tax service asks")

    assert read[0] == 200
    assert json.loads(read[1])["parts"]["state"]["type"] == "OnStreetParking"
    assert title[0] == 403
    assert json.loads(title[1])["ruleCode"] == 81


def test_printed_curls_are_refused_as_the_story_says(demo: RunningDemo) -> None:
    assert demo.curl("not shared")[0] == 403
    assert demo.curl("restricts")[0] == 404
    assert demo.curl("revokes")[0] == 403


def test_printed_verifier_command_verifies_the_proof(demo: RunningDemo) -> None:
    (command,) = demo.commands("independent program")

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert "anchored" in done.stdout


def test_every_read_and_refusal_by_curl_leaves_a_receipt(demo: RunningDemo) -> None:
    status, body = demo.curl("Every read")

    reads = json.loads(body)["reads"]
    assert status == 200
    assert reads


def test_printed_command_line_reads_the_record(demo: RunningDemo) -> None:
    (command,) = (line.strip()[2:] for line in demo.lines if "$ cityledger record get" in line)

    words = command.replace("cityledger", f"{sys.executable} -m cityledger", 1)
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert "OnStreetParking" in done.stdout


def test_demo_prints_known_keys_marked_as_devnet_only(demo: RunningDemo) -> None:
    keys = [line for line in demo.lines if line.startswith("Known key")]

    assert keys
    assert all("DEVNET ONLY" in line for line in keys)


def test_demo_refuses_a_folder_in_which_another_runs(demo: RunningDemo) -> None:
    second = subprocess.run(
        [*DEMO, "--once", "--folder", str(demo.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode == 1
    assert "a demo runs in" in second.stderr


def test_demo_refuses_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    done = _run_once(tmp_path)

    assert done.returncode == 1
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_demo_starts_cleanly_after_it_was_killed_and_leaves_no_devnet(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    with _start(folder) as killed:
        _read_until(killed, "1. ")
        killed.kill()
    left = find_devnet(folder / "devnet")
    assert left is not None

    done = _run_once(folder)

    assert done.returncode == 0, done.stdout + done.stderr
    assert find_devnet(folder / "devnet") is None
    with pytest.raises(httpx.ConnectError):
        httpx.post(left.rpc_url, json={}, trust_env=False)
