"""The SDK: sends requests to a node, opens releases on the caller's own machine, and verifies every proof.

``Client`` and ``AsyncClient`` have the same calls; those of the second are awaited. Both are made from one
source, ``client/_async``, whose docstring says how to add a call.
"""

from cityledger.client._async.client import AsyncClient
from cityledger.client._sync.client import Client
from cityledger.client.access_context import OWN_DUTY, AccessContext
from cityledger.client.credentials.file import Loaded, load_credentials
from cityledger.client.credentials.sign_in import AssertionCredentials, SiweCredentials
from cityledger.client.http.retries import NO_RETRIES, Retries
from cityledger.client.ledger.reader import RpcLedgerReader
from cityledger.client.proving import with_openings
from cityledger.types import Role

__all__ = [
    "NO_RETRIES",
    "OWN_DUTY",
    "AccessContext",
    "AssertionCredentials",
    "AsyncClient",
    "Client",
    "Loaded",
    "Retries",
    "Role",
    "RpcLedgerReader",
    "SiweCredentials",
    "load_credentials",
    "with_openings",
]
