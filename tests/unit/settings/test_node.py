from __future__ import annotations

from pathlib import Path

import pytest

from cityledger.errors import ConfigurationError
from cityledger.settings import FILE_NAME, load_settings
from cityledger.settings.node import node_sources

COMPLETE = """
database_url = "sqlite:///node.db"
rpc_url = "http://127.0.0.1:8545"
chain_id = 31337
manifest = "manifest.json"
keyring = "keyring"
operator = "0x0000000000000000000000000000000000000001"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / FILE_NAME).write_text(COMPLETE)
    return tmp_path


def test_load_settings_reads_the_file_relative_to_its_folder(folder: Path) -> None:
    settings = load_settings(folder, {})

    assert settings.chain_id == 31337
    assert settings.manifest == folder / "manifest.json"
    assert settings.database_url == f"sqlite:///{folder / 'node.db'}"
    assert settings.key_file is None


def test_load_settings_lets_the_environment_override_the_file(folder: Path) -> None:
    environment = {"CITYLEDGER_CHAIN_ID": "5", "CITYLEDGER_BATCH_MAX_AGE_SECONDS": "0.5", "OTHER": "x"}

    settings = load_settings(folder, environment)

    assert (settings.chain_id, settings.batch_max_age_seconds) == (5, 0.5)


def test_load_settings_leaves_other_databases_than_sqlite_alone(folder: Path) -> None:
    url = "postgresql://127.0.0.1/city"

    assert load_settings(folder, {"CITYLEDGER_DATABASE_URL": url}).database_url == url


def test_load_settings_takes_the_database_that_a_platform_hands_over(folder: Path) -> None:
    platform = {"DATABASE_URL": "postgres://127.0.0.1/city"}
    both = {**platform, "CITYLEDGER_DATABASE_URL": "sqlite:///own.db"}

    assert load_settings(folder, platform).database_url == "postgres://127.0.0.1/city"
    assert load_settings(folder, both).database_url == f"sqlite:///{folder / 'own.db'}"
    assert node_sources(folder, platform).origins["database_url"] == "DATABASE_URL"


def test_load_settings_reports_everything_that_is_wrong_together(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('chain_id = "many"\nkeyrings = "typo"\nrpc_url = "http://127.0.0.1"')

    with pytest.raises(ConfigurationError) as refused:
        load_settings(tmp_path, {})

    for complaint in (
        "keyrings is unknown",
        "database_url is missing",
        "manifest is missing",
        "keyring is missing",
        "operator is missing",
        "chain_id should be int",
    ):
        assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("TOKEN_SECONDS", "901", "token_seconds must be 1 to 900"),
        ("TOKEN_SECONDS", "0", "token_seconds must be 1 to 900"),
        ("BATCH_MAX_LEAVES", "65537", "batch_max_leaves must be 1 to 65536"),
        ("STALENESS_LIMIT_SECONDS", "0", "staleness_limit_seconds must be 1 to 3600"),
        ("BATCH_MAX_AGE_SECONDS", "-1", "batch_max_age_seconds must be 0.0 to 604800.0"),
        ("PORT", "65536", "port must be 0 to 65535"),
        ("BODY_LIMIT_BYTES", "0", "body_limit_bytes must be 1000 to 67108864"),
        ("RECORD_LIMIT_BYTES", "0", "record_limit_bytes must be 1000 to 268435456"),
    ],
)
def test_settings_refuse_values_out_of_range(folder: Path, name: str, value: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        load_settings(folder, {f"CITYLEDGER_{name}": value})


def test_load_settings_names_the_next_step_when_the_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cityledger node init"):
        load_settings(tmp_path, {})


def test_load_settings_refuses_what_is_not_toml(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("chain_id == 1")

    with pytest.raises(ConfigurationError, match="is not TOML"):
        load_settings(tmp_path, {})
