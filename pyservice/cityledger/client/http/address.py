"""The address of a node, and the paths of its API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from cityledger.client.wire import to_hex
from cityledger.errors import ConfigurationError
from cityledger.profiles.provider_id import verify_provider_id
from cityledger.types import AgencyId, DatasetId, RecordId

_RECORD_ID = re.compile(r"0x[0-9a-f]{64}")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """``url`` has no slash at its end."""

    url: str
    host: str

    @classmethod
    def parse(cls, text: str) -> NodeAddress:
        """The address in ``text``.

        Raises:
            ConfigurationError: not an http or https URL with a host.
        """
        url = text.rstrip("/")
        try:
            parts = urlsplit(url)
            scheme, host = parts.scheme, parts.hostname
        except ValueError:
            scheme, host = "", None
        if scheme not in ("http", "https") or not host:
            raise ConfigurationError(f"a node's URL begins with http:// or https://, not {text[:100]!r}")
        return cls(url, host)

    @property
    def is_local(self) -> bool:
        """Whether the node is on this machine."""
        return self.host in _LOOPBACK


def dataset_path(dataset: DatasetId) -> str:
    return f"/v1/datasets/{to_hex(dataset)}"


def record_path(dataset: DatasetId, record: str | RecordId) -> str:
    """The path of a record; ``record`` is the provider's own id, or the record id of 32 bytes.

    Raises:
        FieldError: as ``record_name``.
    """
    return f"{dataset_path(dataset)}/records/{quote(record_name(record), safe='')}"


def record_name(record: str | RecordId) -> str:
    """The name of a record in a path.

    Raises:
        FieldError: a provider's id cannot have this form; it is not sent.
    """
    if isinstance(record, bytes):
        return to_hex(record)
    if not _RECORD_ID.fullmatch(record):
        verify_provider_id(record)
    return record


def revocations_path(agency: str | AgencyId) -> str:
    """The path of the list of officers that an agency no longer vouches for."""
    return f"/v1/agencies/{quote(str(agency), safe='')}/revocations"
