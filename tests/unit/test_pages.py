"""What the pages promise exists: files behind links and paths, targets behind commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for page in (
        *ROOT.glob("*.md"),
        *(page for part in ("contracts", "pyservice") for page in ROOT.glob(f"{part}/*.md")),
        *ROOT.glob("docs/**/*.md"),
    )
    if page.is_file()
]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_links_only_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())

    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_names_only_make_targets_that_are_there(page: Path) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE))

    assert named <= TARGETS


def test_readme_links_every_stage_of_the_package() -> None:
    package = ROOT / "pyservice" / "cityledger"
    stages = {
        "api",
        "exchange",
        "policy",
        "sealing",
        "proofs",
        "store",
        "anchoring",
        "chain",
        "indexer",
        "profiles",
        "formats",
    }

    readme = (ROOT / "README.md").read_text()

    for stage in stages:
        assert (package / stage).is_dir()
        assert f"(pyservice/cityledger/{stage})" in readme


def test_contributing_names_only_files_and_folders_that_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`([\w./-]+/[\w./-]*|[\w.-]+\.(?:json|md|py|sol))`", page))
    folders = (".ci", "contracts", "docs", "pyservice", "scripts", "tests", "bench")
    paths = [path for folder in folders for path in (ROOT / folder, *(ROOT / folder).rglob("*"))]
    known = {f"/{path.relative_to(ROOT)}" for path in paths}

    missing = {name for name in named if not any(path.endswith(f"/{name.rstrip('/')}") for path in known)}

    assert missing == {"build/docs/index.html"}  # made by `make docs`
