"""The log of a process that serves a node: to stderr, at the level of ``CITYLEDGER_LOG``."""

from __future__ import annotations

import logging
from collections.abc import Mapping


def level_from(environment: Mapping[str, str]) -> int:
    """The level named by ``CITYLEDGER_LOG``; INFO without it, or where it names no level."""
    return logging.getLevelNamesMapping().get(environment.get("CITYLEDGER_LOG", "INFO").upper(), logging.INFO)


def log_to_stderr(level: int) -> None:
    # Below INFO the libraries quote URLs with the keys in them, and the bodies of answers.
    logging.basicConfig(
        level=max(level, logging.INFO), format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("cityledger").setLevel(level)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log each request to /readyz
