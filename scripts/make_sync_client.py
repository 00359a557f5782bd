"""Generates ``client/_sync`` from ``client/_async``: the same calls without ``await``.

``--check`` writes nothing, and fails with the names of the files that differ from the generated ones.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import unasync  # type: ignore[import-untyped]  # ships no types

CLIENT = Path(__file__).resolve().parent.parent / "pyservice" / "cityledger" / "client"
SOURCE, MADE = "_async", "_sync"
HEADER = "# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.\n"
NAMES = {
    "_async": "_sync",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "aiter_lines": "iter_lines",
    "anext": "next",
    "aread": "read",
    "async_call": "call",
    "async_sleep": "sleep",
    "AsyncBaseTransport": "BaseTransport",
    "AsyncClient": "Client",
    "AsyncExitStack": "ExitStack",
    "AsyncLock": "Lock",
    "AsyncRetrying": "Retrying",
}
IN_TEXT = [
    ("async def", "def"),
    ("async with", "with"),
    ("async for", "for"),
    ("await ", ""),
    ("AsyncClient", "Client"),
]
"""Replacements in docstrings' examples, which the library does not change."""
AWAITABLE = "Awaitable["
DOC = '"""Made from ``client/_async``, where both clients are written."""\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a file would change")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        made = make(Path(folder))
        if check:
            return report(differing(made, CLIENT / MADE))
        shutil.rmtree(CLIENT / MADE, ignore_errors=True)
        shutil.copytree(made, CLIENT / MADE)
    return 0


def make(folder: Path) -> Path:
    """The synchronous package, made and formatted in ``folder``."""
    source, made = folder / SOURCE, folder / MADE
    shutil.copytree(CLIENT / SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    rule = unasync.Rule(f"/{SOURCE}/", f"/{MADE}/", NAMES)
    files = sorted(source.glob("*.py"))
    unasync.unasync_files([str(file) for file in files], [rule])
    for file in files:
        _finish(made / file.name)
    (made / "__init__.py").write_text(HEADER + DOC)
    return made


def differing(one: Path, other: Path) -> list[str]:
    """The names of files that differ between the folders, or are in one only."""
    files, others = (
        {file.name: file.read_bytes() for file in folder.glob("*.py")} for folder in (one, other)
    )
    return sorted(name for name in files | others if files.get(name) != others.get(name))


def report(names: list[str]) -> int:
    """The exit code; prints the files that differ."""
    if not names:
        return 0
    print(f"client/_sync differs from what client/_async generates: {', '.join(names)}", file=sys.stderr)
    print("next: python scripts/make_sync_client.py", file=sys.stderr)
    return 1


def _finish(file: Path) -> None:
    text = file.read_text("utf-8")
    for old, new in IN_TEXT:
        text = text.replace(old, new)
    file.write_text(_formatted(HEADER + _without_awaitables(text), file.name), "utf-8")


def _without_awaitables(text: str) -> str:
    """``Awaitable[T]`` is ``T`` where nothing is awaited."""
    text = text.replace("import Awaitable, ", "import ")
    while (start := text.find(AWAITABLE)) >= 0:
        end, depth = start + len(AWAITABLE), 1
        while depth:
            depth += {"[": 1, "]": -1}.get(text[end], 0)
            end += 1
        text = text[:start] + text[start + len(AWAITABLE) : end - 1] + text[end:]
    return text


def _formatted(text: str, name: str) -> str:
    """The text in the project's style, so that the check of style accepts it."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    for step in (["check", "--select", "I,UP028", "--fix", "--unsafe-fixes"], ["format"]):
        command = [ruff, *step, "--quiet", "--stdin-filename", str(CLIENT / MADE / name), "-"]
        text = subprocess.run(command, input=text, capture_output=True, check=True, encoding="utf-8").stdout
    return text


if __name__ == "__main__":
    sys.exit(main())
