"""Checks the built documentation: every link leads to a file and heading of the site, and no page loads
anything from another host.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The ids of one page, the targets that it links to, and the addresses that it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name == "href" and value:
                (self.links if tag == "a" else self.loads).append(value)
            elif name == "src" and value:
                self.loads.append(value)


def check(site: Path) -> list[str]:
    """A line for each link that leads nowhere and each address of another host that a page loads."""
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site)}: {fault}"
        for path, page in pages.items()
        for fault in _faults(path, page, pages)
    ]


def _faults(path: Path, page: Page, pages: dict[Path, Page]) -> list[str]:
    foreign = [f"loads {address}" for address in page.loads if urlsplit(address).netloc]
    lost = [f"links to {link}" for link in (*page.links, *page.loads) if not _leads(path, link, pages)]
    return foreign + lost


def _leads(path: Path, link: str, pages: dict[Path, Page]) -> bool:
    """Whether a link leads somewhere; addresses of other hosts are not asked."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target in pages and parts.fragment:
        return unquote(parts.fragment) in pages[target].ids
    return target.exists()


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    found = check(folder)
    for line in found:
        print(line, file=sys.stderr)
    sys.exit(1 if found or not (folder / "docs" / "index.html").exists() else 0)
