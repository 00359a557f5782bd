"""Sends requests to several URLs concurrently and finds the answer to act on: that of a majority, the
median of the numbers, or one that can be proven.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

from cityledger.chain.rpc.agreement import find_needed
from cityledger.chain.rpc.methods import Belief, find_method
from cityledger.chain.rpc.upstream import HealthState, NoAnswerError, RpcAnswer, Upstream, describe, note
from cityledger.errors import ChainUnavailableError, CityledgerError, WrongChainError

T = TypeVar("T")
Requests = Sequence[tuple[str, Sequence[object]]]
Answers = Mapping[Upstream, list[RpcAnswer]]
"""The answers of each URL that answered."""
HEDGE_SECONDS = 1.0
"""After this time without an answer another URL is used as well."""
DEADLINE_SECONDS = 10.0
MAX_ATTEMPTS = 4
ATTEMPT_PAUSE_SECONDS = 0.25
"""Pause before another attempt: URLs whose heads differ by a block answer differently for a moment."""


class RefutedError(Exception):
    """An answer that a check refutes. ``is_lie`` is False where a URL that is late, or on another fork, would
    give it too.
    """

    def __init__(self, reason: str, *, is_lie: bool) -> None:
        super().__init__(reason)
        self.is_lie = is_lie


class NotProvenError(Exception):
    """No URL gave an answer that passes the check; the message has the reasons."""


Check = Callable[[list[RpcAnswer]], T]
"""Checks one URL's answers and returns its result. Raises RefutedError."""


def belief_of(requests: Requests) -> Belief:
    """The rule by which the answers to these requests are accepted; all must have the same.

    A number at a block hash is the same everywhere, so it needs a majority and no median.
    """
    beliefs = {_belief(method, params) for method, params in requests}
    if beliefs <= {Belief.MAJORITY, Belief.MEDIAN} and len(beliefs) == 2:
        return Belief.MEDIAN
    if len(beliefs) != 1:
        raise ValueError(f"requests of different kinds in one batch: {', '.join(m for m, _ in requests)}")
    return beliefs.pop()


def _belief(method: str, params: Sequence[object]) -> Belief:
    belief = find_method(method).belief
    is_pinned = any(isinstance(one, dict) and "blockHash" in one for one in params)
    return Belief.MAJORITY if belief is Belief.MEDIAN and is_pinned else belief


class Quorum:
    """``verify`` raises unless a URL serves the right chain. Usable from several threads."""

    def __init__(
        self,
        configured: int,
        verify: Callable[[Upstream], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._configured = configured
        self._needed = find_needed(configured)
        self._verify = verify
        self._sleep = sleep

    def agree(self, requests: Requests, candidates: Sequence[Upstream]) -> list[RpcAnswer]:
        """The answer of a majority to each request; of numbers that are at no block, the median.

        Raises:
            ChainUnavailableError: they disagree, or too few answer.
        """
        is_median = belief_of(requests) is Belief.MEDIAN
        from_all = is_median or self._configured == 2
        first = max(self._needed, _count_healthy(candidates)) if from_all else self._needed
        pick = self._median if is_median else self._majority
        answers: dict[Upstream, list[RpcAnswer]] = {}
        for left in reversed(range(MAX_ATTEMPTS)):
            answers.clear()
            chosen = self._collect(
                requests, candidates, first, answers, lambda now, last: pick(requests, now, last)
            )
            if chosen is not None:
                return chosen
            if not left or not _may_be_late(answers):
                break
            self._sleep(ATTEMPT_PAUSE_SECONDS)
        raise self._failure(requests, candidates, answers)

    def ask_every(self, requests: Requests, candidates: Sequence[Upstream]) -> list[list[RpcAnswer]]:
        """The answers of every URL that answers in time.

        Raises:
            ChainUnavailableError: none does.
        """
        answers: dict[Upstream, list[RpcAnswer]] = {}
        first = max(self._needed, _count_healthy(candidates))
        self._collect(requests, candidates, first, answers, lambda now, last: bool(now) if last else None)
        if not answers:
            raise self._failure(requests, candidates, answers)
        return [answers[one] for one in candidates if one in answers]

    def prove(
        self, requests: Requests, candidates: Sequence[Upstream], check: Check[T]
    ) -> tuple[Upstream, T]:
        """The first URL whose answers pass the check, and the result of the check.

        Raises:
            NotProvenError: none passes.
            ChainUnavailableError: none answers.
        """
        refuted: dict[Upstream, RefutedError] = {}
        answers: dict[Upstream, list[RpcAnswer]] = {}

        def pick(now: Answers, _last: bool) -> tuple[Upstream, T] | None:
            for upstream in now:
                if upstream in refuted:
                    continue
                try:
                    return upstream, checked(now[upstream], check)
                except RefutedError as error:
                    refuted[upstream] = error
            return None

        proven = self._collect(requests, candidates, 1, answers, pick)
        if proven is None and not answers:
            raise self._failure(requests, candidates, answers)
        if proven is None:
            raise NotProvenError("; ".join(f"{one.shown_url}: {error}" for one, error in refuted.items()))
        for upstream, error in refuted.items():
            upstream.refuted(str(error)) if error.is_lie else upstream.strike(requests[0][0], str(error))
        proven[0].keeps(requests[0][0])
        return proven

    # --- requests -------------------------------------------------------------------------------------------

    def _collect(
        self,
        requests: Requests,
        candidates: Sequence[Upstream],
        first: int,
        answers: dict[Upstream, list[RpcAnswer]],
        pick: Callable[[Answers, bool], T | None],
    ) -> T | None:
        """Sends to ``first`` URLs, and to another for each that fails, is slow or decides nothing, until
        ``pick`` returns a choice from ``answers``. ``pick`` is also passed whether this is the last answer.
        """
        waiting, pending = list(candidates), dict[Future[list[RpcAnswer] | None], Upstream]()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while waiting or pending:
            count = max(first - len(answers) - len(pending), 0 if pending else 1)
            self._submit(requests, waiting, pending, count)
            done, _ = wait(pending, HEDGE_SECONDS, FIRST_COMPLETED)
            for future in done:
                upstream, answered = pending.pop(future), future.result()
                if answered is not None:
                    answers[upstream] = answered
            is_last = not pending or not done
            chosen = pick(answers, is_last) if answers else None
            if chosen is not None:
                for future, slow in pending.items() if not done else ():
                    future.cancel()
                    slow.strike(requests[0][0], "slow")
                return chosen
            if not done and time.monotonic() > deadline:
                for future, slow in pending.items():
                    future.cancel()
                    slow.failed("TimeoutError")
                return None
            if not done:
                self._submit(requests, waiting, pending, 1)
        return None

    def _submit(
        self,
        requests: Requests,
        waiting: list[Upstream],
        pending: dict[Future[list[RpcAnswer] | None], Upstream],
        count: int,
    ) -> None:
        for _ in range(min(count, len(waiting))):
            upstream = waiting.pop(0)
            pending[upstream.submit(self._ask, upstream, requests)] = upstream

    def _ask(self, upstream: Upstream, requests: Requests) -> list[RpcAnswer] | None:
        try:
            self._verify(upstream)
            answers = upstream.ask_many(requests) if len(requests) > 1 else [upstream.ask(*requests[0])]
        except (NoAnswerError, WrongChainError) as error:
            note(upstream, error)
            return None
        upstream.answered()
        return answers

    def _failure(
        self, requests: Requests, candidates: Sequence[Upstream], answers: Answers
    ) -> CityledgerError:
        shown = describe(candidates)
        if len(answers) >= self._needed:
            message = f"endpoints disagree about {requests[0][0]}, and no majority decides: {shown}"
        elif answers:
            message = f"too few endpoints answer to form a majority: {shown}"
        elif any(one.state is HealthState.WRONG_CHAIN for one in candidates):
            return WrongChainError(f"no endpoint answers that serves the expected chain: {shown}")
        else:
            message = f"no endpoint answers: {shown}"
        return ChainUnavailableError(message)

    # --- deciding -------------------------------------------------------------------------------------------

    def _majority(self, requests: Requests, answers: Answers, is_last: bool) -> list[RpcAnswer] | None:
        if self._configured == 2 and not is_last:
            return None
        chosen: list[RpcAnswer] = []
        for place in range(len(requests)):
            votes = _votes(requests, answers, place)
            agreed = self._find_agreed(votes)
            if agreed is None:
                return None
            chosen.append(answers[votes[agreed][0]][place])
            self._note_votes(requests[place][0], votes, agreed)
        return chosen

    def _find_agreed(self, votes: Mapping[Hashable, list[Upstream]]) -> Hashable | None:
        if self._configured > 2:
            return next((key for key, voters in votes.items() if len(voters) >= self._needed), None)
        # Of two, each is accepted about what the other has not seen yet.
        for ignored in ((_REFUSED, _NOTHING), (_REFUSED,), ()):
            keys = [key for key in votes if key not in ignored]
            if keys:
                return keys[0] if len(keys) == 1 else None
        return None

    @staticmethod
    def _note_votes(method: str, votes: Mapping[Hashable, list[Upstream]], agreed: Hashable) -> None:
        for upstream in votes[agreed]:
            upstream.keeps(method)
        if agreed in (_REFUSED, _NOTHING):
            return
        for key, voters in votes.items():
            for upstream in voters if key not in (agreed, _NOTHING) else ():
                what = "refuses" if key == _REFUSED else "answers differently from the others"
                upstream.strike(method, f"{what}: {method}")

    def _median(self, requests: Requests, answers: Answers, is_last: bool) -> list[RpcAnswer] | None:
        if not is_last or len(answers) < self._needed:
            return None
        chosen: list[RpcAnswer] = []
        for place in range(len(requests)):
            median = self._median_of([given[place] for given in answers.values()])
            if median is None:
                return None
            chosen.append(median)
        return chosen

    def _median_of(self, given: Sequence[RpcAnswer]) -> RpcAnswer | None:
        numbers = sorted((one for one in given if not one.error), key=lambda one: int(one.result, 16))
        refused = [one for one in given if one.error]
        if len(numbers) >= self._needed:
            return numbers[len(numbers) // 2]
        return refused[0] if len(refused) >= self._needed else None


_REFUSED, _NOTHING = ("refused",), ("ok", None)


def _votes(requests: Requests, answers: Answers, place: int) -> dict[Hashable, list[Upstream]]:
    votes: dict[Hashable, list[Upstream]] = defaultdict(list)
    for upstream, given in answers.items():
        votes[_vote(requests[place][0], given[place])].append(upstream)
    return votes


def _vote(method: str, answer: RpcAnswer) -> Hashable:
    if answer.reverted:
        return ("reverted", answer.error_data)
    return _REFUSED if answer.error else ("ok", find_method(method).key(answer.result))


def _count_healthy(candidates: Sequence[Upstream]) -> int:
    return sum(one.state in (HealthState.OK, HealthState.LAGGING) for one in candidates)


def _may_be_late(answers: Answers) -> bool:
    """Whether one lacks what another has, which may change in a moment."""
    given = [one for all_ in answers.values() for one in all_]
    return any(one.error or one.result is None for one in given) and not all(one.error for one in given)


def checked(answers: list[RpcAnswer], check: Check[T]) -> T:
    """The result of the check for the answers, none of which may be a refusal. Raises RefutedError."""
    refused = next((one.error for one in answers if one.error), None)
    if refused is not None:
        raise RefutedError(f"refused: {refused}", is_lie=False)
    return check(answers)
