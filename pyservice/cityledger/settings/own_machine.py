"""Names by which a machine reaches itself: the same on every machine, so that they do not identify a node."""

from __future__ import annotations

import re

OWN_MACHINE = ("127.0.0.1", "localhost", "[::1]")
_NAMES = re.compile(
    r"(localhost|127(\.\d{1,3}){3}|\[::1\]|::1|([a-z0-9-]+\.)*localhost)\.?(:\d+)?", re.ASCII | re.IGNORECASE
)


def is_own_machine(name: str) -> bool:
    """Whether a host, or an authority with a port, is the machine itself (RFC 6761 §6.3, RFC 6890)."""
    return _NAMES.fullmatch(name) is not None


def local_url(host: str, port: int) -> str:
    """The URL at which this machine reaches a server that listens at ``host``, which may be a wildcard."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
