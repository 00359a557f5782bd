"""Removes what a backup or a restore that was killed left in a node's folder: copies of wrapped keys, also of
records that are erased since."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cityledger.cli.node.restore import COPY_NAME
from cityledger.cli.output import note
from cityledger.errors import ConfigurationError, StorageFullError


def remove_leftovers(folder: Path) -> None:
    """For a caller that holds the folder's lock after the restore has ended. What a running backup uses is
    left. A failure is reported only: a node with a full disk still answers reads.
    """
    from cityledger.recovery.backup.verified_copy import remove_copy
    from cityledger.recovery.backup.workspace import WORK_NAME, workspace_of

    try:
        remove_copy(folder / COPY_NAME)
        if (folder / WORK_NAME).is_dir():
            with suppress(ConfigurationError), workspace_of(folder):
                pass
    except StorageFullError as error:
        note(f"{error}: it may hold copies of keys of erased records; remove it")
