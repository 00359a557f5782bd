from pathlib import Path

import pytest

from cityledger.errors import ConfigurationError
from cityledger.settings import FILE_NAME, ClientSettings, load_client_settings


def write(folder: Path, text: str) -> Path:
    (folder / FILE_NAME).write_text(text)
    return folder


def test_load_client_settings_needs_no_file(tmp_path: Path) -> None:
    assert load_client_settings(tmp_path, {}) == ClientSettings()


def test_load_client_settings_reads_its_table_and_leaves_the_nodes_alone(tmp_path: Path) -> None:
    text = 'chain_id = "whatever"\n[client]\nnode = "https://health.example"\ncredentials = "me.json"\n'
    settings = load_client_settings(write(tmp_path, text + '[client.datasets]\nv = "HEALTH/a/b/c"\n'), {})

    assert settings.node == "https://health.example"
    assert settings.credentials == tmp_path / "me.json"
    assert settings.datasets == {"v": "HEALTH/a/b/c"}


def test_load_client_settings_lets_the_environment_override_the_file(tmp_path: Path) -> None:
    folder = write(tmp_path, "[client]\ntimeout_seconds = 5\n")
    environment = {"CITYLEDGER_TIMEOUT_SECONDS": "7.5", "CITYLEDGER_NODE": "http://127.0.0.1:9"}

    settings = load_client_settings(folder, environment)

    assert (settings.timeout_seconds, settings.node) == (7.5, "http://127.0.0.1:9")


def test_load_client_settings_tells_everything_that_is_wrong_together(tmp_path: Path) -> None:
    text = '[client]\nnod = "typo"\ntimeout_seconds = "long"\nretry_seconds = true\ndatasets = ["a"]\n'
    with pytest.raises(ConfigurationError) as refused:
        load_client_settings(write(tmp_path, text), {})
    for complaint in (
        "nod is unknown",
        "timeout_seconds should be float",
        "retry_seconds should be float",
        "datasets should be Mapping[str, str]",
    ):
        assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("client = 1\n", r"write \[client\]"),
        ("[client]\ntimeout_seconds = 0\n", "timeout_seconds must be 0.1 to 3600.0"),
        ("[client]\nretry_seconds = -1\n", "retry_seconds must be 0.0 to 3600.0"),
        ('[client.datasets]\n"a/b" = "X/a/b/c"\n', "short names without a slash"),
    ],
)
def test_load_client_settings_refuses_what_makes_no_sense(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        load_client_settings(write(tmp_path, text), {})
