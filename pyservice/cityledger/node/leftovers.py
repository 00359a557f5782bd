"""Removes what a killed backup or restore left in a node's folder: copies of wrapped keys, also of records
that have been erased since.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cityledger.errors import ConfigurationError, StorageFullError
from cityledger.recovery.backup.verified_copy import remove_copy
from cityledger.recovery.backup.workspace import WORK_NAME, workspace_of

COPY_NAME = ".backup-copy"
"""Folder in the node's with the verified copy of the backup, while a restore runs."""


def remove_leftovers(folder: Path, warn: Callable[[str], None]) -> None:
    """Requires that the caller holds the folder's lock and that no restore is under way. Leaves what a
    running backup uses. A failure is only reported by ``warn``: a node with a full disk still answers reads.
    """
    try:
        remove_copy(folder / COPY_NAME)
        if (folder / WORK_NAME).is_dir():
            with suppress(ConfigurationError), workspace_of(folder):
                pass
    except StorageFullError as error:
        warn(f"{error}: it may hold copies of keys of erased records; remove it")
