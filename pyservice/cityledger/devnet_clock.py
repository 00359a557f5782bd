"""The clock of a devnet, which can be warped ahead of this machine's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from cityledger.errors import ConfigurationError


def follow_offset(path: Path) -> Callable[[], int]:
    """How many seconds the clock of the devnet with the state file ``path`` is ahead; rereads the file when
    it was replaced.

    Raises (each call):
        ConfigurationError: the file is not a devnet's state.
    """
    seen: tuple[int, int] = (-1, 0)

    def offset() -> int:
        nonlocal seen
        try:
            changed = path.stat().st_mtime_ns
            if changed != seen[0]:
                seen = (changed, _offset_in(path))
        except OSError:
            pass  # being reset; the last offset stands until the file is back
        return seen[1]

    return offset


def _offset_in(path: Path) -> int:
    try:
        return int(json.loads(path.read_text("utf-8"))["clock_offset_seconds"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path} is not a devnet's state: {error!r}") from error
