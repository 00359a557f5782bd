"""``backup_horizon_seconds`` accepted 0, -5 and 2^41, ``batch_max_age_seconds`` infinity, ``domain`` an empty
text and a line break: certificates and batches were then wrong, and no check reported it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from cityledger.cli.node.secret import secret_of
from cityledger.errors import ConfigurationError
from cityledger.node.folder_checks import check_node
from cityledger.settings import FILE_NAME, ClientSettings, Settings, load_client_settings, load_settings
from cityledger.settings.accepted import Range, refusals, rule_of
from cityledger.settings.showing import overview

NEEDED = {
    "database_url": '"sqlite:///node.db"',
    "rpc_url": '"http://127.0.0.1:9"',
    "chain_id": "31337",
    "manifest": '"manifest.json"',
    "keyring": '"keyring"',
    "operator": f'"0x{"11" * 20}"',
}
ALL = [*fields(Settings), *fields(ClientSettings)]
NUMBERS = ("int", "float", "int | None")
MAY_BE_EMPTY = {one.name for one in ALL if one.default == ""}


def number_edges(one: Field[Any]) -> Iterator[str]:
    rule = rule_of(one)
    assert isinstance(rule, Range)
    step = 0.001 if one.type == "float" else 1
    yield from (
        str(rule.lowest - step),
        str(rule.highest + step),
        "-1",
        str(2**63),
        "inf",
        "-inf",
        "nan",
        "true",
    )
    yield f"1{'0' * 400}"  # beyond every float


def text_edges(one: Field[Any]) -> Iterator[str]:
    yield from ('"a\\nb"', '"a\\u0000b"', '"a\\u001bb"', '"a\\u2028b"', "1")
    if one.name not in MAY_BE_EMPTY:
        yield '""'


def outside() -> Iterator[tuple[type, str, str]]:
    for kind in (Settings, ClientSettings):
        for one in fields(kind):
            if one.type in NUMBERS:
                yield from ((kind, one.name, text) for text in number_edges(one))
            elif not str(one.type).startswith("Mapping"):
                yield from ((kind, one.name, text) for text in text_edges(one))
    yield from ((ClientSettings, "datasets", text) for text in ('{"a/b" = "x"}', '{a = "b\\nc"}', '{a = ""}'))
    yield from (
        (Settings, "domain", f'"{text}"') for text in ("a b", "u@a.b", "https://a.b", "a.b/c", "a.b:x", ".")
    )
    yield from ((Settings, "operator", f'"{text}"') for text in ("0x01", "11" * 20, f"0x{'g1' * 20}"))
    yield from ((Settings, "database_url", f'"{text}"') for text in ("mysql://a/b", "node.db", "sqlite"))
    yield from (
        (Settings, "rpc_url", f'"{text}"') for text in ("127.0.0.1:8545", "http://a,b", "ftp://a", ",")
    )


@pytest.mark.parametrize(("kind", "name", "text"), [*outside()])
def test_a_value_outside_is_refused_by_the_check_and_at_the_start(
    kind: type, name: str, text: str, tmp_path: Path
) -> None:
    node = {**NEEDED, name: text} if kind is Settings else NEEDED
    lines = [f"{one} = {value}" for one, value in node.items()]
    lines += [] if kind is Settings else ["[client]", f"{name} = {text}"]
    (tmp_path / FILE_NAME).write_text("\n".join(lines))

    assert [one for one in overview(tmp_path, {}).wrong if f"{name} " in one]
    with pytest.raises(ConfigurationError, match=name):
        load_settings(tmp_path, {})
    line = check_node(tmp_path, {}, secret_of)[0]
    assert not line.ok
    assert name in line.detail
    if kind is ClientSettings:
        with pytest.raises(ConfigurationError, match=name):
            load_client_settings(tmp_path, {})


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_every_setting_declares_what_it_accepts(one: Field[Any]) -> None:
    assert isinstance(rule_of(one), Range) is (one.type in NUMBERS)


@pytest.mark.parametrize(
    "one", [one for one in ALL if isinstance(rule_of(one), Range)], ids=lambda one: one.name
)
def test_the_ends_of_a_range_are_inside(one: Field[Any]) -> None:
    rule = rule_of(one)
    assert isinstance(rule, Range)
    assert rule.admits(rule.lowest)
    assert rule.admits(rule.highest)


def test_a_setting_without_a_range_cannot_be_read() -> None:
    @dataclass(frozen=True)
    class Careless:
        limit_bytes: int = field(default=1)

    with pytest.raises(TypeError, match="limit_bytes declares no range"):
        refusals(Careless, {"limit_bytes": 2})


@pytest.mark.parametrize("text", ["٣", "1_0", " 1", "0x10", "inf", "nan", "1e400", "9" * 400])
def test_a_variable_is_a_number_in_plain_digits(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("\n".join(f"{one} = {value}" for one, value in NEEDED.items()))

    with pytest.raises(ConfigurationError, match="fee_bump_after_seconds"):
        load_settings(tmp_path, {"CITYLEDGER_FEE_BUMP_AFTER_SECONDS": text})


def test_a_refusal_repeats_no_password(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('database_url = "postgresql://node:hunter2@db/city\\n"')

    assert "hunter2" not in str(overview(tmp_path, {}).wrong)
