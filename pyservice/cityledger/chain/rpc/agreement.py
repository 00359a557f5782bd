"""The head to act on when several endpoints report one. Pure: requests are made by a callback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

LAG_BLOCKS = 3
"""An endpoint at most this far behind the others does not lag: blocks take time to travel."""


@dataclass(frozen=True, slots=True)
class SeenHead:
    """The newest block of one endpoint; ``place`` is the endpoint's, in order of preference."""

    place: int
    number: int
    hash: str


HashesAt = Callable[[int, Sequence[int]], Mapping[int, str] | None]
"""The hashes of blocks of these numbers at the endpoint of that place; None if it does not answer."""


def find_agreed(seen: Sequence[SeenHead], hashes_at: HashesAt, configured: int) -> list[SeenHead] | None:
    """The heads of one chain that may be acted on, in order of preference: all of ``seen`` if none
    contradicts another; else those of a strict majority of all ``configured`` endpoints, of all such
    majorities if there are several; None without one.

    Two heads are of one chain when the endpoint with the higher one has the lower one below it.
    """
    forks = list(_forks(seen, hashes_at))
    if len(forks) > 1:
        forks = [fork for fork in forks if 2 * len(fork) > configured]
    agreed = {head for fork in forks for head in fork}
    return sorted(agreed, key=lambda head: head.place) if agreed else None


def find_needed(configured: int) -> int:
    """The number of configured endpoints that must agree: a strict majority of three and more. Of one or two,
    one is enough: they replace each other.
    """
    return configured // 2 + 1 if configured > 2 else 1


def find_backed(agreed: Sequence[SeenHead], hashes_at: HashesAt, configured: int) -> SeenHead | None:
    """The highest head that enough endpoints have at or below theirs, each by its own answer; None where too
    few answer.

    Of three and more ``configured`` enough is a strict majority, so that one alone cannot announce blocks
    that no other has seen. Of one or two each is enough.
    """
    highest_first = sorted(agreed, key=lambda head: -head.number)
    lower = highest_first[find_needed(configured) - 1 :]
    return next((head for head in lower if is_backed(head, agreed, hashes_at, configured)), None)


def is_backed(head: SeenHead, agreed: Sequence[SeenHead], hashes_at: HashesAt, configured: int) -> bool:
    """Whether enough endpoints have this very block. Asks no more of them than needed, highest heads
    first."""
    missing = find_needed(configured) - sum(
        (one.number, one.hash) == (head.number, head.hash) for one in agreed
    )
    for one in sorted(agreed, key=lambda other: -other.number):
        if missing <= 0 or one.number <= head.number:
            break
        missing -= (hashes_at(one.place, [head.number]) or {}).get(head.number) == head.hash
    return missing <= 0


def find_final(claimed: Sequence[int | None], configured: int) -> int | None:
    """The number up to which the chain is final, by the claims of the agreed chain's endpoints: as far as a
    strict majority of three and more claims; of one or two as far as all that answer claim. None where too
    few answer.
    """
    known = sorted((number for number in claimed if number is not None), reverse=True)
    needed = find_needed(configured)
    if configured <= 2:
        return known[-1] if known else None
    return known[needed - 1] if len(known) >= needed else None


def find_chosen(
    agreed: Sequence[SeenHead], backed: SeenHead, acted_on: int, is_enough: Callable[[SeenHead], bool]
) -> SeenHead | None:
    """The most preferred that neither lags behind ``backed`` nor is lower than what was acted on, and that is
    backed itself where it is lower; None if there is none, or if ``backed`` is lower than what was acted on.
    """
    lowest = max(backed.number - LAG_BLOCKS, acted_on)
    if backed.number < acted_on:
        return None
    high = (head for head in agreed if head.number >= lowest)
    return next((head for head in high if head.number >= backed.number or is_enough(head)), None)


def _forks(seen: Sequence[SeenHead], hashes_at: HashesAt) -> list[list[SeenHead]]:
    """Each has a highest head, and all that it has below it. A lower head may be of several: one that lies
    about what is above it must not keep it from the others.
    """
    forks: list[list[SeenHead]] = []
    silent: set[SeenHead] = set()
    for highest in sorted(seen, key=lambda head: (-head.number, head.place)):
        if highest in silent or any(highest in fork for fork in forks):
            continue
        lower = sorted({head.number for head in seen if head.number < highest.number})
        known = hashes_at(highest.place, lower) if lower else {}
        if known is None:  # it stopped responding between two requests, so it is not counted
            silent.add(highest)
            continue
        hashes = {**known, highest.number: highest.hash}
        forks.append([head for head in seen if hashes.get(head.number) == head.hash and head not in silent])
    return forks
