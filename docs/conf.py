"""Sphinx reads the repository's own pages: the source folder is the root, so every link works in both places.

Strict: a missing page, file, heading or name fails the build. Nothing is loaded from another host.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "pyservice"))

from cityledger import __version__  # noqa: E402 - found by the line above, also where nothing is installed

project = "cityledger"
release = version = __version__
project_copyright = "the authors of cityledger"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
source_suffix = {".md": "markdown"}
include_patterns = [
    "*.md",
    "docs/**",
    "contracts/*.md",
    "pyservice/README.md",
    "tests/crash/*.md",
    "tests/contracts/forge/*.md",
]
# The README is the page of the repository's host; the site begins with docs/index.md.
exclude_patterns = ["README.md", "build", "node_modules", ".venv", ".tools"]

myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"

html_theme = "furo"
html_title = f"cityledger {__version__}"
html_copy_source = False
html_show_sphinx = False
html_extra_path = ["site"]


def name_folders(app: Sphinx, docname: str, source: list[str]) -> None:
    """Leaves the text of links to folders, which a repository's host shows and a site has no page for."""
    here = (ROOT / docname).parent

    def shown(link: re.Match[str]) -> str:
        return link[1] if (here / link[2]).is_dir() else link[0]

    source[0] = re.sub(r"\[([^\]]+)\]\(([^)#:]+)\)", shown, source[0])


def setup(app: Sphinx) -> None:
    app.connect("source-read", name_folders)
