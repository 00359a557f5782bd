"""How most crash tests of anchoring begin: leaves that are accepted and in no batch yet, on a node that was
killed.
"""

from __future__ import annotations

from crash.town import Town

SEND = "eth_sendRawTransaction"
FOR_EVER = 3_600.0


def leave_backlog(town: Town, writes: int = 3, reads: int = 0) -> None:
    """Afterwards the node is down, and its next start closes what is left at its first turn."""
    town.node.set(batch_max_age_seconds=FOR_EVER)
    town.node.serve()
    for number in range(writes):
        town.write(f"title-{number}")
    for _ in range(reads):
        town.read("title-0")
    town.node.kill()
    town.node.set(batch_max_age_seconds=0.0)
