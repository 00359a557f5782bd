"""The SDK: ask a node, open what it releases on your own machine, and check every proof yourself."""

from cityledger.client.calls import OWN_DUTY, Reason
from cityledger.client.client import Client
from cityledger.client.ledger_reader import RpcLedgerReader
from cityledger.client.proving import with_openings
from cityledger.client.sign_in import AssertionCredentials, SiweCredentials

__all__ = [
    "OWN_DUTY",
    "AssertionCredentials",
    "Client",
    "Reason",
    "RpcLedgerReader",
    "SiweCredentials",
    "with_openings",
]
