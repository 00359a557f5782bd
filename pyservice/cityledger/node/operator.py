"""Asks the chain of a node's settings whether an account operates logs of the node's agencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cityledger.sealing.keyring import Keyring
    from cityledger.settings import Settings
    from cityledger.types import Address


def is_given(settings: Settings, keyring: Keyring, account: Address) -> bool:
    """Whether an agency with keys in the keyring gave the account an open log.

    Raises:
        UnavailableError: no endpoint answers.
    """
    from cityledger.chain.contracts import contracts_of
    from cityledger.chain.contracts.record_ledger import operates_any
    from cityledger.chain.manifest import load_manifest
    from cityledger.chain.rpc.endpoint import connect

    endpoint = connect(settings.rpc_url, settings.chain_id)
    ledger = contracts_of(endpoint, load_manifest(settings.manifest)).ledger
    return operates_any(ledger, account, keyring.agencies())
