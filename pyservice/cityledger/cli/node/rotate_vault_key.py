"""``cityledger node rotate-vault-key``: changes an agency's key-encryption key while its node serves."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cityledger.cli.arguments import shown_moment
from cityledger.cli.node.options import HostedAgencyArgument, NodeFolderOption
from cityledger.cli.output import JsonOption, note, print_fields
from cityledger.cli.progress import progress

if TYPE_CHECKING:
    from cityledger.exchange.vault_rotation import VaultRotation
    from cityledger.settings import Settings
    from cityledger.store.engine.database import Database
    from cityledger.types import AgencyId


def rotate_vault_key(
    agency: HostedAgencyArgument,
    folder: NodeFolderOption = Path(),
    keyrings_copied: Annotated[
        bool,
        typer.Option(
            "--keyrings-copied",
            help="PostgreSQL: every process that serves the database has the keyring of this folder now.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Wrap every data key of an agency under a new vault key, then drop the former one. The node may serve.

    Example: `cityledger node rotate-vault-key HEALTH --folder .cityledger/node`

    A run that was cut off is continued by the next. Backups that were made before still hold the former
    key, with the records as they were then.
    """
    from cityledger.node.lock import verify_restored
    from cityledger.sealing.key_turns import changing_keys
    from cityledger.settings import load_settings

    settings = load_settings(folder, os.environ)
    verify_restored(folder)
    with changing_keys(settings.keyring), _opened(settings, agency) as rotation:
        epoch = rotation.add_key()
        if rotation.database.is_shared and not keyrings_copied:
            print_fields({"agency": rotation.agency, "epoch": epoch, "state": "added"}, as_json=as_json)
            note(
                "next: copy the keyring to each other process's folder, then run this with --keyrings-copied"
            )
            return
        done = _rotate(settings, rotation, epoch)
    print_fields(done.to_json(), as_json=as_json)
    note("next: back up the node, so that no backup needs the former key")
    note(f"backups from before hold it; by your backup horizon until {shown_moment(done.gone_at)}")


@dataclass(frozen=True, slots=True)
class _Done:
    """``gone_at``: the time from which no backup holds the former keys, by ``backup_horizon_seconds``."""

    agency: AgencyId
    epoch: int
    wrapped: int
    dropped: list[int]
    gone_at: int

    def to_json(self) -> dict[str, object]:
        return {
            "agency": self.agency,
            "epoch": self.epoch,
            "state": "done",
            "wrapped again": self.wrapped,
            "dropped epochs": self.dropped,
            "former keys gone from backups": self.gone_at,
        }


def _rotate(settings: Settings, rotation: VaultRotation, epoch: int) -> _Done:
    from cityledger.sealing.key_turns import dropping_keys

    rotation.use_key(epoch, int(time.time()))
    count, done = rotation.count(epoch), 0
    with progress("vault keys") as report:

        def on_progress(wrapped: int) -> None:
            nonlocal done
            done += wrapped
            report("data keys", done, max(done, count))

        rotation.wrap_again(epoch, on_progress)
    with dropping_keys(settings.keyring):
        dropped = rotation.drop_former(epoch, int(time.time()))
    return _Done(rotation.agency, epoch, done, dropped, int(time.time()) + settings.backup_horizon_seconds)


@contextmanager
def _opened(settings: Settings, agency: str) -> Iterator[VaultRotation]:
    from cityledger.chain.manifest import load_manifest
    from cityledger.cli.node.secret import secret_of
    from cityledger.exchange.vault_rotation import VaultRotation
    from cityledger.key_sources.opening import open_keyring
    from cityledger.store.engine.database import Database
    from cityledger.store.engine.migrate import verify_schema

    keyring = open_keyring(settings, secret_of(settings, os.environ))
    with closing(Database(settings.database_url)) as database:
        verify_schema(database)
        number = hosted_agency(database, keyring.agencies(), agency)
        instance = load_manifest(settings.manifest).instance
        yield VaultRotation(database, keyring, instance, os.urandom, number)


def hosted_agency(database: Database, hosted: list[AgencyId], text: str) -> AgencyId:
    """The hosted agency of that number, or of that code in the node's index.

    Raises:
        NotFoundError: there is none.
    """
    from cityledger.errors import NotFoundError
    from cityledger.store.index.queries import find_agency_by_code

    if text.isdecimal():
        found = next((one for one in hosted if one == int(text)), None)
    else:
        with database.reading() as connection:
            registered = find_agency_by_code(connection, text)
        found = registered.agency if registered is not None and registered.agency in hosted else None
    if found is None:
        raise NotFoundError(f"hosted agency: {text}")
    return found
