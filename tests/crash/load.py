"""A mixed load of several clients that remember every answer, on a node that comes and goes.

Each client owns its titles, so it knows what a read has to say. What was refused or not answered is promised
nothing; what was answered is noted and never forgotten.
"""

from __future__ import annotations

import io
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cityledger.client import Client
from cityledger.client.access_context import OWN_DUTY
from cityledger.client.answers import Written
from cityledger.errors import CityledgerError, NotFoundError, UnavailableError
from cityledger.types import AgencyId, ErasureReason, RecordId
from crash.node_that_dies import NodeThatDies
from crash.town import STEWARD, Town, title
from support.city.deployed_city import address

ANSWER_SECONDS = 8.0
NO_AGENCY = AgencyId(0)
_MAY_HAPPEN = ("ChainError", "RevertedError", "HeadMovedError")
"""In addition to every UnavailableError: an endpoint that lies, or a reorg, may make the chain refuse; a move
of a head that is requested again after it was mined may be refused because the head has moved.
"""


@dataclass
class Title:
    """One title of one client. ``areas`` are those of its versions, as far as they were acknowledged."""

    id: str
    areas: dict[int, float] = field(default_factory=dict)
    is_erased: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A write with the key that it is repeated with."""

    title: Title
    area: float
    key: str


class Gate:
    """Whether there is a node to ask, and which."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._node: NodeThatDies | None = None
        self._is_over = False

    def open(self, node: NodeThatDies) -> None:
        with self._changed:
            self._node = node
            self._changed.notify_all()

    def shut(self) -> None:
        with self._changed:
            self._node = None

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def await_node(self) -> NodeThatDies | None:
        """The node, as soon as there is one; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._node is not None)
            return None if self._is_over else self._node


class LoadingClient(threading.Thread):
    """Makes one random move after the other, until the gate says that it is over."""

    def __init__(self, town: Town, gate: Gate, name: str, seed: int) -> None:
        super().__init__(name=name, daemon=True)
        self.counts: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._town = town
        self._gate = gate
        self._sampler = random.Random(f"{seed} {name}")
        self._titles: list[Title] = []
        self._unsure: list[Sent] = []
        self._acknowledged: list[tuple[Sent, Written]] = []
        self._clients: dict[tuple[str, str], Client] = {}
        self._url = ""
        self._number = 0

    def run(self) -> None:
        try:
            while (node := self._gate.await_node()) is not None:
                self._url = node.url
                self._do_one(self._sampler.choice(self._moves()))
        except BaseException as error:
            self.failure = error
        finally:
            for client in self._clients.values():
                client.close()

    def _moves(self) -> list[Callable[[], None]]:
        return [self.write] * 4 + [self.repeat] * 2 + [self.read] * 3 + [self.erase]

    def _do_one(self, move: Callable[[], None]) -> None:
        try:
            move()
            self.counts[move.__name__] += 1
        except CityledgerError as error:
            if not isinstance(error, UnavailableError) and type(error).__name__ not in _MAY_HAPPEN:
                raise
            self.counts[f"{move.__name__}: {type(error).__name__}"] += 1
            time.sleep(0.02)  # another process is gone or not ready: nothing to wait on

    def _client(self, role: str = "writer") -> Client:
        key = self._url, role
        if key not in self._clients:
            self._clients[key] = self._town.client(role, url=self._url, timeout_seconds=ANSWER_SECONDS)
        return self._clients[key]

    # --- the moves ------------------------------------------------------------------------------------------

    def write(self) -> None:
        self._number += 1
        live = [one for one in self._titles if not one.is_erased]
        if not live or self._sampler.random() < 0.5:
            live = [Title(f"{self.name}-{self._number}")]
            self._titles += live
        sent = Sent(self._sampler.choice(live), float(self._number), f"{self.name}-{self._number}")
        self._unsure.append(sent)
        self._send(sent)

    def repeat(self) -> None:
        """An unsure write until it is sure; else one that is, which must change nothing."""
        if self._unsure:
            self._send(self._sampler.choice(self._unsure))
        elif self._acknowledged:
            sent, before = self._sampler.choice(self._acknowledged)
            assert self._put(sent) == before, "a repeat is answered as the first was"

    def read(self) -> None:
        known = [one for one in self._titles if one.areas or one.is_erased]
        if not known:
            return
        chosen = self._sampler.choice(known)
        try:
            record = self._client("reader").get_record(self._town.dataset, chosen.id, OWN_DUTY)
        except NotFoundError:
            assert chosen.is_erased, f"{chosen.id} was acknowledged and is not there"
            return
        assert not chosen.is_erased, f"{chosen.id} was erased and is there"
        self._town.notes.reads.append(record)
        area = json.loads(record.parts["title"])["area"]["value"]
        if record.version in chosen.areas:
            assert area == chosen.areas[record.version]
        assert record.version >= max(chosen.areas), "a version that was acknowledged is gone"

    def erase(self) -> None:
        unsure = {id(one.title) for one in self._unsure}
        sure = [one for one in self._titles if one.areas and not one.is_erased and id(one) not in unsure]
        if not sure:
            return
        chosen = self._sampler.choice(sure)
        # Whether or not an answer comes, it may be erased from now on: no client reads it again.
        self._titles.remove(chosen)
        erased = self._client().erase(self._town.dataset, chosen.id, ErasureReason.DUTY)
        self._town.notes.erased += erased
        chosen.is_erased = True
        self._titles.append(chosen)

    def _send(self, sent: Sent) -> None:
        made = self._put(sent)
        self._unsure.remove(sent)
        sent.title.areas[made.version] = sent.area
        self._acknowledged.append((sent, made))
        self._town.notes.written.append(made)

    def _put(self, sent: Sent) -> Written:
        parts = title(sent.area)
        return self._client().put_record(self._town.dataset, sent.title.id, parts, idempotency_key=sent.key)


class HeadClient(LoadingClient):
    """Writes, and moves the heads of what it wrote."""

    moved = 0

    def _moves(self) -> list[Callable[[], None]]:
        return [self.write] if self.moved == len(self._acknowledged) else [self.move_head]

    def move_head(self) -> None:
        time.sleep(0.1)
        sent, _ = self._acknowledged[-1]
        self._client().move_head(self._town.dataset, sent.title.id)
        self.moved = len(self._acknowledged)


class ImportingClient(LoadingClient):
    """Sends files of rows, and the same file again when it is not sure of it."""

    def __init__(self, town: Town, gate: Gate, name: str, seed: int) -> None:
        super().__init__(town, gate, name, seed)
        self.rows: list[str] = []
        """The ids of every file whose import was reported as done."""
        self._file: list[str] = []

    def _moves(self) -> list[Callable[[], None]]:
        return [self.bring]

    def bring(self) -> None:
        if not self._file:
            self._number += 1
            self._file = [f"{self.name}-{self._number}-{row}" for row in range(20)]
        lines = (json.dumps({"id": one, "parts": _parts(row + 1.0)}) for row, one in enumerate(self._file))
        client = self._client()
        job = client.start_import(self._town.dataset, io.BytesIO("\n".join(lines).encode()), "ndjson")
        deadline = time.monotonic() + ANSWER_SECONDS
        while not job.is_finished and time.monotonic() < deadline:
            time.sleep(0.1)
            job = client.get_import(job.id)
        if job.state == "done":
            first = client.get_import(job.repeat_of) if job.repeat_of else job
            stored = first.outcomes["accepted"] + first.outcomes["unchanged"]
            assert first.state == "done" and stored == len(self._file), (first, job)
            self.rows += self._file
            self._file = []


class StewardClient(LoadingClient):
    """Restricts a title and takes it back, on chain, and waits for nothing."""

    def _moves(self) -> list[Callable[[], None]]:
        return [self.restrict]

    def restrict(self) -> None:
        chosen = RecordId(self._sampler.randbytes(1) * 32)
        is_restricted = self._sampler.random() < 0.5
        catalog = self._town.city.contracts.catalog
        call = catalog.restrict(self._town.dataset, chosen, NO_AGENCY, is_restricted=is_restricted)
        self._town.chain.send(address(STEWARD), str(call.to), call.data)
        time.sleep(0.3)


def _parts(area: float) -> dict[str, object]:
    return {name: json.loads(payload) for name, payload in title(area).items()}
