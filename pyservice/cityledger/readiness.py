"""Whether a running node may be asked: the lines of ``/readyz``, each shown to anybody."""

from __future__ import annotations

from cityledger.api.context import Check
from cityledger.errors import CityledgerError
from cityledger.exchange.services import Services
from cityledger.store import logs


def readiness_of(services: Services) -> list[Check]:
    """Database, index, rules and logs, in this order; a node is ready when all are ok."""
    return [_database(services), _index(services), _rules(services), _logs(services)]


def _database(services: Services) -> Check:
    try:
        with services.database.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    except CityledgerError as error:
        return Check("database", False, type(error).__name__)
    return Check("database", True, "answers")


def _index(services: Services) -> Check:
    try:
        services.clock.verify_fresh(services.staleness_limit_seconds)
    except CityledgerError as error:
        return Check("index", False, str(error))
    return Check("index", True, f"at block {services.clock.head.number}")


def _rules(services: Services) -> Check:
    try:
        services.cross_check.verify_agreed()
    except CityledgerError as error:
        return Check("rules", False, str(error))
    return Check("rules", True, "contract and index agree as far as asked")


def _logs(services: Services) -> Check:
    try:
        with services.database.reading() as connection:
            heads = logs.list_heads(connection)
    except CityledgerError as error:
        return Check("logs", False, type(error).__name__)
    halted = [str(head.log) for head in heads if head.halted is not None]
    if halted:
        return Check("logs", False, f"halted: {', '.join(halted)}")
    return Check("logs", True, f"{len(heads)} open")
