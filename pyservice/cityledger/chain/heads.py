"""Asks several URLs for their newest block and finds the one to act on, and marks who lags or disagrees."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from cityledger.chain.agreement import LAG_BLOCKS, SeenHead, find_agreed, find_backed, find_chosen
from cityledger.chain.upstream import HealthState, NoAnswerError, RpcAnswer, Upstream, quantity
from cityledger.errors import ChainUnavailableError, WrongChainError

ILL = (HealthState.UNREACHABLE, HealthState.WRONG_CHAIN)
ROUND_SECONDS = 3.0
"""How long to wait for the head of a URL while others have answered."""
Block = dict[str, Any]
"""A block as JSON-RPC tells it."""


class Heads:
    """The heads of URLs, in order of preference."""

    def __init__(self, upstreams: Sequence[Upstream], pool: ThreadPoolExecutor) -> None:
        self._upstreams = upstreams
        self._pool = pool

    def find(self, chain_id: int, acted_on: int) -> tuple[Upstream, Block]:
        """The newest block that may be acted on, and who told of it.

        Raises:
            ChainUnavailableError: nobody answers, they disagree, too few answer, or too few reach
                ``acted_on``.
        """
        return self._agreed(chain_id, acted_on) or self._decided(chain_id, acted_on)

    def _decided(self, chain_id: int, acted_on: int) -> tuple[Upstream, Block]:
        found = self._agreed(chain_id, acted_on)
        if found is None:
            raise ChainUnavailableError(
                f"endpoints disagree about the chain, and no majority decides: {told(self._upstreams)}"
            )
        return found

    def _agreed(self, chain_id: int, acted_on: int) -> tuple[Upstream, Block] | None:
        """None when they disagree, which may be because a block came between two questions."""
        blocks = self._ask_all(chain_id)
        if not blocks:
            raise ChainUnavailableError(f"no endpoint answers: {told(self._upstreams)}")
        seen = [SeenHead(place, int(block["number"], 16), block["hash"]) for place, block in blocks.items()]
        agreed = find_agreed(seen, self._hashes_at, len(self._upstreams))
        backed = find_backed(agreed or [], len(self._upstreams))
        self._mark(seen, agreed or [], max(acted_on, backed.number if backed else 0))
        if agreed is None:
            return None
        if backed is None:
            raise ChainUnavailableError(
                f"too few endpoints answer to form a majority: {told(self._upstreams)}"
            )
        chosen = find_chosen(agreed, backed, acted_on)
        if chosen is None:
            raise ChainUnavailableError(
                f"too few endpoints have block {acted_on}, which was acted on: {told(self._upstreams)}"
            )
        upstream = self._upstreams[chosen.place]
        if chosen.number <= backed.number:
            return upstream, blocks[chosen.place]
        block = self._block_at(upstream, backed.number)
        return (upstream, block) if block is not None and block["hash"] == backed.hash else None

    def _mark(self, seen: Sequence[SeenHead], agreed: Sequence[SeenHead], highest: int) -> None:
        for head in seen:
            upstream = self._upstreams[head.place]
            upstream.head = head.number
            if upstream.state in ILL:  # fell silent between two questions
                continue
            if head not in agreed:
                upstream.mark(HealthState.DISAGREES, f"block {head.number} is {head.hash}")
            elif head.number < highest - LAG_BLOCKS:
                upstream.mark(HealthState.LAGGING, f"block {head.number}")
            else:
                upstream.mark(HealthState.OK, "agrees")

    def _ask_all(self, chain_id: int) -> dict[int, Block]:
        """The newest block of each URL that answers in time, by its place."""
        states = [one.state for one in self._upstreams]
        places = [place for place, state in enumerate(states) if state not in ILL]
        if not places:
            places = [place for place, state in enumerate(states) if state is HealthState.UNREACHABLE]
        asked = {place: self._pool.submit(self._ask, self._upstreams[place], chain_id) for place in places}
        done, _ = wait(asked.values(), ROUND_SECONDS)
        for place, future in asked.items():
            if future not in done:
                self._upstreams[place].failed("TimeoutError")
        found = {place: future.result() for place, future in asked.items() if future in done}
        return {place: block for place, block in found.items() if block is not None}

    def _ask(self, upstream: Upstream, chain_id: int) -> Block | None:
        try:
            served, latest = upstream.ask_many(
                [("eth_chainId", []), ("eth_getBlockByNumber", ["latest", False])]
            )
            number = quantity(served)
            if number != chain_id:
                raise WrongChainError(
                    f"{upstream.shown_url} serves chain {number}; expected chain {chain_id}"
                )
            block = _whole(latest)
            upstream.is_verified = True
            upstream.answered()
            return block
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


def note(upstream: Upstream, error: NoAnswerError | WrongChainError) -> None:
    """Marks a URL that gave no answer, or one of another chain."""
    if isinstance(error, WrongChainError):
        upstream.mark(HealthState.WRONG_CHAIN, str(error))
    else:
        upstream.failed(str(error))


def told(upstreams: Sequence[Upstream]) -> str:
    """The URLs with their state, for people; no credential in them."""
    if len(upstreams) == 1:
        return upstreams[0].shown_url
    return ", ".join(f"{one.shown_url} ({one.state.value})" for one in upstreams)


def _whole(answer: RpcAnswer) -> Block:
    block = answer.result
    if not isinstance(block, dict) or not isinstance(block.get("hash"), str):
        raise NoAnswerError("NoBlock")
    quantity(RpcAnswer(block.get("number")))
    return block
