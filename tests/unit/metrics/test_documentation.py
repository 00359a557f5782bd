"""The table of alerts in docs/operator/monitoring.md has a row for each metric, in its own words."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from cityledger.api.http.access_log import Observer
from cityledger.exchange.instruments import Instruments
from cityledger.metrics.families import GAUGES

PAGE = Path(__file__).parents[3] / "docs/operator/monitoring.md"


def helps() -> dict[str, str]:
    """HELP by name, as a scrape shows both."""
    texts = {gauge.name: gauge.help for gauge in GAUGES}
    requests = CollectorRegistry()
    Observer(None, requests)  # type: ignore[arg-type]
    for registry in (Instruments().registry, requests):
        texts |= {family.name: family.documentation for family in registry.collect()}
    return texts


def test_page_has_a_row_for_every_figure_and_no_other() -> None:
    section = PAGE.read_text().partition("## Metrics and alerts")[2].partition("\n##")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [row(name, text) for name, text in helps().items()]


def test_every_figure_says_when_to_look() -> None:
    assert [name for name, text in helps().items() if "lert" not in text] == []


def row(name: str, text: str) -> str:
    means, _, alert = text.partition(" Alert ")
    if not alert:
        means, _, rest = text.partition(" No alert")
        alert = "none" + (rest.removesuffix(".") or "")
    return f"| `{name}` | {means} | {alert.removesuffix('.')} |"
