"""A node of ``node_fixture`` as the source of a backup, without files next to its database."""

from __future__ import annotations

from cityledger.recovery.backup.backup import Source
from cityledger.store.engine.migrate import SCHEMA_VERSION
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode


def backup_source(node: TestNode) -> Source:
    services = node.context.services
    return Source(
        services.database,
        services.objects,
        INSTANCE,
        services.domain,
        services.operator,
        SCHEMA_VERSION,
        dict,
    )
