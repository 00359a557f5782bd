"""The type of an effect: the rows of the index that one event changes, true from its block on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from cityledger.chain.contracts import Event
from cityledger.chain.contracts.decoding import LoggedEvent

Effect = Callable[[sa.Connection, Any, LoggedEvent], None]
"""Is called with the event and, for block and transaction, its place on the chain."""

Effects = Mapping[type[Event], Effect]
