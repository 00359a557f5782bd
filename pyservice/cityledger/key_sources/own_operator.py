"""Admits only this node's own accounts as its operator: those that its keyring lists, and one that operates
an open log of its agencies on chain.

The settings alone prove nothing: an attacker who edits them could name any account. The list in the keyring
is sealed with the keyring's key, and only an agency can assign its log to an account.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cityledger.errors import ConfigurationError
from cityledger.sealing.key_turns import changing_keys
from cityledger.sealing.keyring import Keyring
from cityledger.types import Address

_WAIT_SECONDS = 5.0
"""Maximum wait of processes that start together, which store the account one after the other."""
IsGiven = Callable[[], bool]
"""Returns whether the account operates an open log of an agency of the node on chain. Called only if needed.
"""


def verify_own(keyring: Keyring, operator: Address, is_given: IsGiven) -> None:
    """
    Raises:
        ConfigurationError: the account is not one of this node's; states the next step.
    """
    if not is_remembered(keyring, operator) and not is_given():
        raise ConfigurationError(_refusal(keyring, operator))


def remember_operator(folder: Path, keyring: Keyring, operator: Address, is_given: IsGiven) -> None:
    """Stores the operator as one of this node's accounts, before it signs anything. ``folder`` is the
    keyring's.

    Raises: as ``verify_own``, and
        KeyringError: the keyring cannot be written.
        ConfigurationError: another process is changing the keyring, and does not end within seconds.
    """
    if operator in keyring.operators():
        return
    with changing_keys(folder, wait_seconds=_WAIT_SECONDS):
        keyring.reload_operators()  # another process may have stored this account, or begun the list
        if operator not in keyring.operators():
            verify_own(keyring, operator, is_given)
            keyring.add_operator(operator, random=os.urandom)


def is_remembered(keyring: Keyring, operator: Address) -> bool:
    """Returns whether the keyring's list holds the account; if there is no list yet, whether the keyring
    holds its key. Later that does not suffice: the keyring also holds accounts of stewards.
    """
    remembered = keyring.operators()
    return operator in (remembered or keyring.accounts())


def _refusal(keyring: Keyring, operator: Address) -> str:
    remembered = keyring.operators()
    wrong = (
        f"settings: operator {operator} is not an account of this node, and no open log of its agencies on"
        " chain is operated by it. Nothing was signed. "
    )
    if not remembered:
        return wrong + (
            "The keyring lists no operator: restore its operators.json from a backup, or let each agency"
            " assign its logs to the account by `cityledger node link`"
        )
    return wrong + (
        f"Put back `operator` (this node's: {', '.join(remembered)}) and its `operator_key`, then change them"
        " with `cityledger node rotate-operator` (--operator-key for a key outside the keyring)"
    )
