from dataclasses import fields
from pathlib import Path

import pytest

from cityledger.settings import FILE_NAME, ClientSettings, Settings
from cityledger.settings.showing import masked, overview

NODE = """
database_url = "postgresql://city:hunter2@db.example/city"
rpc_url = "https://chain.example/v3/hunter2"
chain_id = 7
manifest = "manifest.json"
keyring = "keyring"
operator = "0x0000000000000000000000000000000000000001"
[client]
node = "https://health.example"
"""


def test_overview_tells_where_each_value_came_from_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(NODE)

    found = overview(tmp_path, {"CITYLEDGER_PORT": "9000", "CITYLEDGER_DATABSE_URL": "typo"})

    shown = {one.name: (one.value, one.origin) for one in found.shown}
    assert shown["chain_id"] == ("7", "cityledger.toml")
    assert shown["port"] == ("9000", "CITYLEDGER_PORT")
    assert shown["host"] == ("127.0.0.1", "default")
    assert shown["client.node"] == ("https://health.example", "cityledger.toml")
    assert shown["object_store_url"] == ((tmp_path / "objects").as_uri(), "default")
    assert "hunter2" not in str(found)
    assert (found.wrong, found.unknown) == ((), ("CITYLEDGER_DATABSE_URL",))


def test_overview_names_every_setting(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(NODE)
    expected = {field.name for field in fields(Settings)}
    expected |= {f"client.{field.name}" for field in fields(ClientSettings)}
    assert {one.name for one in overview(tmp_path, {}).shown} == expected


def test_overview_without_a_node_shows_the_client_alone(tmp_path: Path) -> None:
    assert all(one.name.startswith("client.") for one in overview(tmp_path, {}).shown)


def test_overview_tells_what_is_wrong_in_both_tables(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('colour = "red"\n[client]\nshape = "round"\n')
    wrong = overview(tmp_path, {}).wrong
    assert "colour is unknown" in wrong
    assert "client.shape is unknown" in wrong
    assert "chain_id is missing" in wrong


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("https://user:pass@chain.example:1/x?k=s", "https://…@chain.example:1/…"),
        ("https://chain.example/?key=s", "https://chain.example/…"),
        ("sqlite:////srv/node.db", "sqlite:////srv/node.db"),
        (None, ""),
        ({"v": "HEALTH/a/b/c"}, "v = HEALTH/a/b/c"),
        (5, "5"),
    ],
)
def test_masked_keeps_only_what_is_no_secret(value: object, shown: str) -> None:
    assert masked(value) == shown
