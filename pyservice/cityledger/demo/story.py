"""The demo from start to end: builds a city, shares, proves, and serves until it is stopped."""

from __future__ import annotations

import fcntl
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cityledger.demo import proving, sharing
from cityledger.demo.city import COUNCIL, OPERATOR, PASSPHRASE, City, build_city
from cityledger.demo.filling import fill
from cityledger.demo.narrator import Narrator
from cityledger.demo.scene import Scene
from cityledger.demo.stage import Stage
from cityledger.devnet import CHAIN_ID, STATE_NAME, Devnet, find_devnet
from cityledger.errors import ConfigurationError
from cityledger.node.serving import ServedNode
from cityledger.node.wiring import open_node
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.settings import Settings
from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import migrate

_MARKER = "this-folder-is-cleared-by-cityledger-demo"
_READY_SECONDS = 60
_TOKEN_REFRESH_SECONDS = 20
"""Shorter than the time before expiry in which a client renews, so that a token file never holds an expired
one.
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """``port`` 0 chooses a free one; ``once`` ends after the story."""

    folder: Path
    port: int
    once: bool


def play(wish: Wish) -> int:
    """Plays the story; returns the number of scenes that failed.

    Raises:
        ConfigurationError: another demo runs in the folder, or the folder holds something else.
        KeyboardInterrupt: it was stopped before the story's end; everything that it started has ended.
    """
    narrator = Narrator(Console(), Console(stderr=True))
    with own_folder(wish.folder), narrator:
        narrator.say(
            "cityledger demo: one operator, one node, known keys. Devnet only; all data is synthetic."
        )
        with Devnet.start(wish.folder / "devnet") as devnet:
            city = build_city(wish.folder, devnet, narrator.progress)
            with served_city(city, devnet, wish.port) as served:
                stage = Stage(city, served)
                try:
                    _tell(stage, narrator)
                    if not wish.once:
                        _stay(stage, narrator)
                finally:
                    stage.close()
    return len(narrator.failed)


def _tell(stage: Stage, narrator: Narrator) -> None:
    stage.served.wait_until_ready(_READY_SECONDS)
    narrator.show(_opening(stage))
    stage.write_credentials()
    narrator.show(_filled(stage, fill(stage, narrator.progress)))
    for scene in _scenes(stage, narrator):
        narrator.show(scene())
        stage.write_tokens()
    narrator.say()
    if narrator.failed:
        narrator.say(f"{len(narrator.failed)} scenes failed.")
    else:
        narrator.say("Every scene succeeded.")


def _scenes(stage: Stage, narrator: Narrator) -> list[Callable[[], Scene]]:
    return [
        lambda: sharing.granted_parts(stage),
        lambda: sharing.third_agency(stage),
        lambda: sharing.not_shared(stage),
        lambda: sharing.unconditional(stage),
        lambda: sharing.sealed_release(stage),
        lambda: sharing.hidden_is_absent(stage),
        lambda: proving.proof_verified(stage, narrator.progress),
        lambda: proving.tampering_found(stage),
        lambda: proving.revoked(stage),
        lambda: proving.every_read_is_logged(stage),
    ]


def _opening(stage: Stage) -> Scene:
    manifest = stage.city.manifest
    agencies = stage.client_of("government-services").agencies()
    return Scene(
        f"A city of {len(agencies)} agencies runs on a chain of its own",
        len(agencies) == 53,
        (
            f"node {stage.url}, chain {stage.served.node.settings.rpc_url} (id {manifest.chain_id})",
            f"directory {manifest.address('CityDirectory')}, instance 0x{manifest.instance.hex()[:16]}…",
            "among them: " + ", ".join(f"{one.name} {one.local_name}" for one in agencies[20:22]),
        ),
        f"curl -s '{stage.url}/v1/agencies'",
    )


def _filled(stage: Stage, count: int) -> Scene:
    catalog = stage.client_of("government-services").catalog()
    return Scene(
        f"The providers' systems write {count} records into {len(catalog)} datasets over HTTP",
        len(catalog) == len(stage.records) and count == sum(map(len, stage.records.values())),
        tuple(f"{one.terms.sharing_class.name.lower():14} {one.path}  {one.local_title}" for one in catalog),
        f"curl -s '{stage.url}/v1/catalog?q=parking'",
    )


def _stay(stage: Stage, narrator: Narrator) -> None:
    never = threading.Event()
    with suppress(KeyboardInterrupt):
        _tell_where_things_are(stage, narrator)
        while not never.wait(_TOKEN_REFRESH_SECONDS):
            stage.write_tokens()
    narrator.say("\nEnding: the node and the devnet stop.")


def _tell_where_things_are(stage: Stage, narrator: Narrator) -> None:
    narrator.say(f"\nThe node stays up at {stage.url} (OpenAPI at /openapi.json). Ctrl-C ends it.")
    provider, path, record = _example(stage)
    narrator.say("By the command line, as an officer of the tourism bureau:")
    narrator.say(
        f"     $ cityledger record get {provider}/{path} {record} --purpose PARKING_GUIDANCE"
        f" --credentials {stage.credentials('culture-tourism')}"
    )
    for who, account in (("council", COUNCIL), ("operator", OPERATOR)):
        narrator.say(f"Known key, DEVNET ONLY: {who} {account.address} 0x{bytes(account.key).hex()}")
    narrator.say(f"Keyring passphrase, DEVNET ONLY: {PASSPHRASE}. Everything is in {stage.city.folder}")


def _example(stage: Stage) -> tuple[str, str, str]:
    return stage.provider_of(sharing.STREET), sharing.STREET, stage.records[sharing.STREET][0]


@contextmanager
def served_city(city: City, devnet: Devnet, port: int) -> Iterator[ServedNode]:
    """The node of the city, with a fresh database in its folder."""
    folder = city.folder
    url = f"sqlite:///{folder / 'node.db'}"
    database = Database(url)
    migrate(database)
    database.close()
    settings = Settings(
        database_url=url,
        rpc_url=devnet.rpc_url,
        chain_id=CHAIN_ID,
        manifest=folder / "manifest.json",
        keyring=city.keyring,
        operator=city.operator,
        object_store_url=(folder / "objects").as_uri(),
        port=port,
        batch_max_age_seconds=2.0,
        devnet_state=folder / "devnet" / STATE_NAME,
    )
    node = open_node(settings, UnlockSecret.from_passphrase(PASSPHRASE))
    with ServedNode.start(node) as served:
        yield served


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Removes the files of an earlier demo and ends its devnet; never anything else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARKER).exists():
        raise ConfigurationError(f"{folder} holds something else than a demo; name another with --folder")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _MARKER).open("w") as marker:
        try:
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"a demo runs in {folder}; end it, or name another with --folder"
            ) from None
        _clear(folder)
        yield


def _clear(folder: Path) -> None:
    if find_devnet(folder / "devnet") is not None:  # a demo that was killed left its devnet behind
        Devnet.attach(folder / "devnet").stop()
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != _MARKER:
            entry.unlink()
