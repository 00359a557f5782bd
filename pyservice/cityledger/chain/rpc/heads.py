"""Reads the newest block of several URLs, finds the one to act on, and marks URLs that lag or disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any

from cityledger.chain.rpc.agreement import (
    LAG_BLOCKS,
    HashesAt,
    SeenHead,
    find_agreed,
    find_backed,
    find_chosen,
    find_final,
    find_needed,
    is_backed,
)
from cityledger.chain.rpc.block_hashes import is_recomputed
from cityledger.chain.rpc.methods import header_key
from cityledger.chain.rpc.upstream import (
    HealthState,
    NoAnswerError,
    RpcAnswer,
    Upstream,
    describe,
    note,
    quantity,
)
from cityledger.errors import ChainUnavailableError, WrongChainError

UNHEALTHY = (HealthState.UNREACHABLE, HealthState.WRONG_CHAIN)
ROUND_SECONDS = 3.0
"""The longest wait for the head of a URL."""
Block = dict[str, Any]
"""A block as JSON-RPC returns it."""


@dataclass(frozen=True, slots=True)
class _Claims:
    """The claims of one URL: its newest block, and the number of the block that it calls final."""

    block: Block
    final: int | None


class Heads:
    """The heads of URLs, in order of preference."""

    def __init__(self, upstreams: Sequence[Upstream]) -> None:
        self._upstreams = upstreams

    def find(self, chain_id: int, acted_on: int) -> tuple[Upstream, Block, int | None]:
        """The newest block that may be acted on, the URL that returned it, and the number up to which its
        chain is final.

        Raises:
            ChainUnavailableError: no endpoint answers, they disagree, too few answer, or too few reach
                ``acted_on``.
        """
        return self._agreed(chain_id, acted_on) or self._decided(chain_id, acted_on)

    def _decided(self, chain_id: int, acted_on: int) -> tuple[Upstream, Block, int | None]:
        agreed = self._agreed(chain_id, acted_on)
        if agreed is None:
            raise ChainUnavailableError(
                f"endpoints disagree about the chain, and no majority decides: {describe(self._upstreams)}"
            )
        return agreed

    def _agreed(self, chain_id: int, acted_on: int) -> tuple[Upstream, Block, int | None] | None:
        """None when they disagree, which may be because a block came between two requests."""
        claims = self._ask_all(chain_id)
        if not claims:
            raise ChainUnavailableError(f"no endpoint answers: {describe(self._upstreams)}")
        blocks = {place: one.block for place, one in claims.items()}
        seen = [SeenHead(place, int(block["number"], 16), block["hash"]) for place, block in blocks.items()]
        hashes = _HashesOfRound(self._hashes_at)
        agreed = find_agreed(seen, hashes, len(self._upstreams))
        backed = find_backed(agreed or [], hashes, len(self._upstreams))
        self._mark(seen, agreed or [], max(acted_on, backed.number if backed else 0))
        if agreed is None:
            return None
        if backed is None:
            raise ChainUnavailableError(
                f"too few endpoints answer to form a majority: {describe(self._upstreams)}"
            )
        configured = len(self._upstreams)
        chosen = find_chosen(
            agreed, backed, acted_on, lambda head: is_backed(head, agreed, hashes, configured)
        )
        if chosen is None:
            raise ChainUnavailableError(
                f"too few endpoints have block {acted_on}, which was acted on: {describe(self._upstreams)}"
            )
        target = chosen if chosen.number < backed.number else backed
        proven = self._true_block(target, [chosen, *agreed], blocks)
        finals = [claims[head.place].final for head in agreed]
        return None if proven is None else (*proven, find_final(finals, len(self._upstreams)))

    # --- the block behind a hash ----------------------------------------------------------------------------

    def _true_block(
        self, target: SeenHead, heads: Sequence[SeenHead], blocks: Mapping[int, Block]
    ) -> tuple[Upstream, Block] | None:
        """The block with the hash that is backed: one whose fields give the hash, or, on a chain whose
        headers are hashed otherwise, the one that a majority returns in full.
        """
        returned: dict[int, Block] = {}
        for head in heads:
            if head.place in returned:
                continue
            upstream = self._upstreams[head.place]
            is_its_head = head.number == target.number
            block = blocks[head.place] if is_its_head else self._block_at(upstream, target.number)
            if block is None or block["hash"] != target.hash:
                continue
            if is_recomputed(block):
                self._refute(returned)
                return upstream, block
            returned[head.place] = block
        return self._of_majority(returned)

    def _refute(self, altered: Mapping[int, Block]) -> None:
        for place, block in altered.items():
            self._upstreams[place].refuted(f"the fields of block {block['number']} do not give its hash")

    def _of_majority(self, returned: Mapping[int, Block]) -> tuple[Upstream, Block] | None:
        votes = Counter(header_key(block) for block in returned.values())
        configured = len(self._upstreams)
        if not votes or (configured == 2 and len(votes) > 1):
            return None
        key, count = votes.most_common(1)[0]
        if count < find_needed(configured):
            return None
        return next((self._upstreams[at], one) for at, one in returned.items() if header_key(one) == key)

    def _mark(self, seen: Sequence[SeenHead], agreed: Sequence[SeenHead], highest: int) -> None:
        for head in seen:
            upstream = self._upstreams[head.place]
            upstream.head = head.number
            if upstream.state in (
                *UNHEALTHY,
                HealthState.UNRELIABLE,
            ):  # the first: stopped responding between two requests
                continue
            if head not in agreed:
                upstream.mark(HealthState.DISAGREES, f"block {head.number} is {head.hash}")
            elif head.number < highest - LAG_BLOCKS:
                upstream.mark(HealthState.LAGGING, f"block {head.number}")
            else:
                upstream.mark(HealthState.OK, "agrees")

    # --- requests -------------------------------------------------------------------------------------------

    def _ask_all(self, chain_id: int) -> dict[int, _Claims]:
        """The newest block of each URL that answers in time, by its place."""
        states = [one.state for one in self._upstreams]
        places = [place for place, state in enumerate(states) if state not in UNHEALTHY]
        if not places:
            places = [place for place, state in enumerate(states) if state is HealthState.UNREACHABLE]
        upstreams = {place: self._upstreams[place] for place in places}
        futures = {place: one.submit(self._ask, one, chain_id) for place, one in upstreams.items()}
        done, _ = wait(futures.values(), ROUND_SECONDS)
        for place, future in futures.items():
            if future not in done:
                future.cancel()
                self._upstreams[place].failed("TimeoutError")
        claims = {place: future.result() for place, future in futures.items() if future in done}
        return {place: one for place, one in claims.items() if one is not None}

    def _ask(self, upstream: Upstream, chain_id: int) -> _Claims | None:
        try:
            served, latest, final = upstream.ask_many(
                [
                    ("eth_chainId", []),
                    ("eth_getBlockByNumber", ["latest", False]),
                    ("eth_getBlockByNumber", ["finalized", False]),
                ]
            )
            number = quantity(served)
            if number != chain_id:
                raise WrongChainError(
                    f"{upstream.shown_url} serves chain {number}; expected chain {chain_id}"
                )
            block = _whole(latest)
            upstream.is_verified = True
            upstream.answered()
            return _Claims(block, int(final.result["number"], 16) if final.result else None)
        except (NoAnswerError, WrongChainError) as error:
            note(upstream, error)
            return None

    def _hashes_at(self, place: int, numbers: Sequence[int]) -> dict[int, str] | None:
        upstream = self._upstreams[place]
        try:
            answers = upstream.ask_many([("eth_getBlockByNumber", [hex(one), False]) for one in numbers])
            return {number: _whole(answer)["hash"] for number, answer in zip(numbers, answers, strict=True)}
        except NoAnswerError as error:
            note(upstream, error)
            return None

    def _block_at(self, upstream: Upstream, number: int) -> Block | None:
        try:
            return _whole(upstream.ask("eth_getBlockByNumber", [hex(number), False]))
        except NoAnswerError as error:
            note(upstream, error)
            return None


class _HashesOfRound:
    """Requests each hash from each URL once."""

    def __init__(self, hashes_at: HashesAt) -> None:
        self._hashes_at = hashes_at
        self._known: dict[int, dict[int, str] | None] = {}

    def __call__(self, place: int, numbers: Sequence[int]) -> Mapping[int, str] | None:
        known = self._known.get(place, {})
        if known is None:
            return None
        missing = [number for number in numbers if number not in known]
        hashes = self._hashes_at(place, missing) if missing else {}
        self._known[place] = None if hashes is None else {**known, **hashes}
        return self._known[place]


def _whole(answer: RpcAnswer) -> Block:
    if answer.error or answer.result is None:
        raise NoAnswerError("NoBlock")
    block: Block = {**answer.result, "hash": answer.result["hash"].lower()}
    return block
