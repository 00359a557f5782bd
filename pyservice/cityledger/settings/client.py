"""What the SDK and the command line need to know to ask a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cityledger.errors import ConfigurationError
from cityledger.settings.accepted import between, refusals, short_names, text
from cityledger.settings.file import CLIENT_TABLE, FILE_NAME, Sources, converted, gather, read_tables


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """The table ``[client]``. Units are in the names; paths are relative to the file's folder."""

    node: str = field(default="http://127.0.0.1:8053", metadata=text("http(s)://…", r"https?://.+"))
    """URL of the node that is asked, unless the credentials file names one."""
    credentials: Path | None = field(default=None, metadata=text("a path"))
    """The credentials file that says who signs in."""
    timeout_seconds: float = field(default=30.0, metadata=between(0.1, 3_600.0))
    """How long one attempt may take."""
    retry_seconds: float = field(default=20.0, metadata=between(0.0, 3_600.0))
    """How long a request that may be repeated is repeated; 0 reports every failure at once."""
    datasets: Mapping[str, str] = field(default_factory=dict, metadata=short_names())
    """Short names: ``visits = "HEALTH/treatment/outpatient/visits"``. Only in the file."""

    def __post_init__(self) -> None:
        wrong = refusals(ClientSettings, asdict(self))
        if wrong:
            raise ConfigurationError(f"settings [{CLIENT_TABLE}]: " + "; ".join(wrong))


def load_client_settings(folder: Path, environment: Mapping[str, str]) -> ClientSettings:
    """Reads ``[client]`` of ``cityledger.toml`` in ``folder``, if there is one, then the environment.

    Raises:
        ConfigurationError: something is unknown or of the wrong type; names all.
    """
    sources = client_sources(folder, environment)
    if sources.wrong:
        message = f"settings [{CLIENT_TABLE}] in {folder / FILE_NAME} and CITYLEDGER_*: "
        raise ConfigurationError(message + "; ".join(sources.wrong))
    return ClientSettings(**sources.values)


def client_sources(folder: Path, environment: Mapping[str, str]) -> Sources:
    """The client's values with their origins.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    table = read_tables(folder / FILE_NAME).get(CLIENT_TABLE, {})
    if not isinstance(table, dict):
        raise ConfigurationError(f"{folder / FILE_NAME}: {CLIENT_TABLE} is a table: write [{CLIENT_TABLE}]")
    variables = {name: value for name, value in environment.items() if name != "CITYLEDGER_DATASETS"}
    return gather(ClientSettings, table, variables, folder, converted)
