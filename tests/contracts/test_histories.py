"""Over random histories, with rollback, Python decides on the events as the contract does on its state."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cityledger.chain.contracts.data_catalog import Publication, terms_to_abi
from cityledger.policy import decide
from cityledger.types import (
    EMERGENCY,
    NO_AGENCY,
    NO_END,
    NO_SUBJECT,
    OWN_DUTY,
    ZERO32,
    Action,
    AgencyId,
    DatasetId,
    Decision,
    Openness,
    Purpose,
    Query,
    RecordId,
    Role,
    SharingClass,
    Terms,
)
from support.city.city_on_chain import (
    DAY,
    LOOSENING_DELAY,
    TAXATION,
    TREATMENT,
    UNLISTED,
    City,
    Refusal,
    admission,
    query_abi,
)
from support.city.policy_fold import Fold

EXAMPLES = 50
STEPS = 40
QUERIES_A_STEP = 8
MAX_AGENCIES = 5
RECORDS = [RecordId(b"\x0a" * 32), RecordId(b"\x0b" * 32)]
PURPOSES = [TREATMENT, TAXATION, EMERGENCY, UNLISTED, OWN_DUTY]
GUARD_MOVES = ("suspend", "reportCompromise")
# Reinstating more often than the rest keeps most agencies at work.
MOVES = ("suspend", "reportCompromise", "reinstate", "reinstate", "reinstate")

agencies = st.integers(1, MAX_AGENCIES)
consumers = st.sampled_from([0, 0, *range(MAX_AGENCIES + 1)])
officers = st.integers(0, 2)
datasets = st.integers(0, 5)
records = st.sampled_from(RECORDS)
purposes = st.sampled_from(PURPOSES)
some_terms = st.builds(
    Terms,
    st.sampled_from([SharingClass.UNCONDITIONAL, SharingClass.CONDITIONAL, SharingClass.NOT_SHARED]),
    st.just(Openness.CLOSED),
    st.just(False),
    st.just(False),
    st.sets(st.sampled_from([TREATMENT, TAXATION, EMERGENCY])).map(lambda chosen: tuple(sorted(chosen))),
)
working_terms = some_terms.map(lambda one: replace(one, purposes=(TAXATION, TREATMENT)))
seconds = st.sampled_from([0, 1, 50, DAY, LOOSENING_DELAY])


class Histories(RuleBasedStateMachine):
    """Every call is tried, also those that the contracts refuse: a refusal emits nothing."""

    def __init__(self, city: City, seen: Counter[int]) -> None:
        super().__init__()
        self.city, self.seen = city, seen
        self.base = city.chain.rpc("evm_snapshot")
        self.fold = Fold()
        self.fold.apply([logged.event for logged in city.history()])
        self.saved: list[tuple[str, Fold]] = []

    @initialize(seed=st.integers(0, 2**32), terms=st.lists(working_terms, min_size=3, max_size=3))
    def begin(self, seed: int, terms: list[Terms]) -> None:
        """Each history begins in a city at work: who is admitted has a steward, and three datasets stand."""
        self.random = Random(seed)
        for agency in (1, 2, 3):
            self.appoint_steward(agency)
            self.publish(agency, 0, terms[agency - 1])
        for dataset in (0, 1, 2):
            self.grant(dataset, 2, TREATMENT, 1, 0, LOOSENING_DELAY)

    def teardown(self) -> None:
        self.city.chain.rpc("evm_revert", self.base)

    # ---- what may happen ----

    @rule()
    def admit(self) -> None:
        number = len(self.fold.standings) + 1
        if number <= MAX_AGENCIES:
            wanted = admission(f"AGENCY{number}", self.account(number))
            self.attempt(self.city.registry.send, self.city.council, "admit", wanted)

    @rule(agency=agencies, move=st.sampled_from(MOVES))
    def move(self, agency: int, move: str) -> None:
        sender = self.city.guard if move in GUARD_MOVES else self.city.council
        self.attempt(self.city.registry.send, sender, move, agency)

    @rule(agency=agencies)
    def offboard(self, agency: int) -> None:
        if self.random.random() < 0.2:
            self.attempt(self.city.registry.send, self.city.council, "offboard", agency)

    @rule(agency=agencies, officer=officers, role=st.sampled_from(Role), after=seconds)
    def appoint(self, agency: int, officer: int, role: Role, after: int) -> None:
        until = self.city.chain.now() + after
        self.by_account("appoint", agency, self.officer(officer), role, until)

    @rule(agency=agencies)
    def appoint_steward(self, agency: int) -> None:
        self.by_account("appoint", agency, self.account(agency), Role.STEWARD, NO_END)

    @rule(agency=agencies, officer=officers)
    def dismiss(self, agency: int, officer: int) -> None:
        self.by_account("dismiss", agency, self.officer(officer))

    @rule(agency=agencies, entry=st.integers(0, 2), terms=some_terms)
    def publish(self, agency: int, entry: int, terms: Terms) -> None:
        path = f"duty/entry/{entry}"
        wanted = Publication(AgencyId(agency), path, "", "", "medical", ("a", "b"), ZERO32, NO_END, 0, terms)
        self.attempt(self.city.catalog.send, self.account(agency), "publish", wanted.to_abi())

    @rule(dataset=datasets, terms=some_terms)
    def revise(self, dataset: int, terms: Terms) -> None:
        self.by_steward("revise", dataset, terms_to_abi(terms), ZERO32, NO_END, 0)

    @rule(dataset=datasets)
    def retire(self, dataset: int) -> None:
        if self.random.random() < 0.5:
            self.by_steward("retire", dataset)

    @rule(
        dataset=datasets,
        consumer=agencies,
        purpose=purposes,
        parts=st.integers(0, 4),
        since=seconds,
        until=seconds,
    )
    def grant(
        self, dataset: int, consumer: int, purpose: Purpose, parts: int, since: int, until: int
    ) -> None:
        now = self.city.chain.now()
        self.by_steward("grant", dataset, consumer, purpose, parts, now + since - 50, now + until)

    @rule(dataset=datasets, consumer=agencies, purpose=purposes)
    def revoke(self, dataset: int, consumer: int, purpose: Purpose) -> None:
        self.by_steward("revoke", dataset, consumer, purpose)

    @rule(
        dataset=datasets,
        record=records,
        consumer=consumers,
        is_restricted=st.sampled_from([True, True, False]),
    )
    def restrict(self, dataset: int, record: RecordId, consumer: int, is_restricted: bool) -> None:
        self.by_steward("restrict", dataset, record, consumer, is_restricted)

    @rule(dataset=datasets, record=records)
    def seal(self, dataset: int, record: RecordId) -> None:
        self.by_steward("sealByLaw", dataset, record)

    @rule(dataset=datasets, record=records)
    def lift(self, dataset: int, record: RecordId) -> None:
        self.attempt(self.city.catalog.send, self.city.council, "liftSeal", self.dataset(dataset), record)

    @rule(function=st.sampled_from(["addPurpose", "removePurpose"]), purpose=purposes)
    def change_purposes(self, function: str, purpose: Purpose) -> None:
        self.attempt(self.city.catalog.send, self.city.council, function, purpose)

    @rule(after=seconds)
    def pass_time(self, after: int) -> None:
        self.city.chain.go_to(self.city.chain.now() + after + 1)

    @rule()
    def save(self) -> None:
        self.saved.append((self.city.chain.rpc("evm_snapshot"), copy.deepcopy(self.fold)))

    @precondition(lambda self: self.saved)
    @rule()
    def roll_back(self) -> None:
        snapshot, self.fold = self.saved.pop()
        assert self.city.chain.rpc("evm_revert", snapshot)

    # ---- what must hold ----

    @invariant()
    def both_decide_alike(self) -> None:
        queries = [self.any_query() for _ in range(QUERIES_A_STEP)]
        answers = self.city.policy.ask("decideMany", [query_abi(query) for query in queries])
        for query, answer in zip(queries, answers, strict=True):
            assert decide(query, self.fold.known(query)) == Decision(*answer.values()), query
            self.seen[answer["code"]] += 1

    def any_query(self) -> Query:
        pick, now = self.random.choice, self.city.chain.now()
        at = now + pick([0, 0, 0, 1, 49, 50, DAY, LOOSENING_DELAY - 1, LOOSENING_DELAY])
        officer = pick([None] * 4 + [self.officer(self.random.randrange(3))])
        query = Query(
            at=at,
            action=pick([Action.READ] * 40 + [Action.ERASE] * 6 + list(Action)),
            role=pick([Role.READER if officer is None else Role.STEWARD] * 30 + list(Role)),
            consumer=AgencyId(pick([1, 2, 2, 3, 3, 4, 5, 6])),
            officer=officer,
            credential_until=at + pick([0] + [1, DAY] * 10),
            represents=NO_AGENCY,
            dataset=self.dataset(pick([0, 0, 1, 1, 2, 2, 3, 4, 5])),
            record=pick([*RECORDS * 4, RecordId(ZERO32)]),
            subject=NO_SUBJECT,
            purpose=pick([TREATMENT] * 10 + PURPOSES),
            parts=pick([0, 1, 1, 2, 3]),
        )
        return pick([query] * 5 + [self.own_erasure(query)])

    def own_erasure(self, query: Query) -> Query:
        """The same record, to be erased by its provider's own writer."""
        provider = self.fold.providers.get(query.dataset, AgencyId(1))
        own = replace(query, consumer=provider, purpose=OWN_DUTY, record=self.random.choice(RECORDS))
        return replace(own, action=Action.ERASE, role=Role.WRITER, officer=None, credential_until=NO_END)

    # ---- who and what ----

    def account(self, number: int) -> Any:
        """An agency's account, which is its first steward as well."""
        return self.city.chain.accounts[3 + number]

    def officer(self, number: int) -> Any:
        return [self.city.auditor, self.account(2), self.account(3)][number]

    def dataset(self, number: int) -> DatasetId:
        known = list(self.fold.providers)
        return known[number] if number < len(known) else DatasetId(b"\xee" * 32)

    def by_account(self, function: str, agency: int, *arguments: object) -> None:
        self.attempt(self.city.registry.send, self.account(agency), function, agency, *arguments)

    def by_steward(self, function: str, number: int, *arguments: object) -> None:
        dataset = self.dataset(number)
        steward = self.account(self.fold.providers.get(dataset, 1))
        self.attempt(self.city.catalog.send, steward, function, dataset, *arguments)

    def attempt(self, send: Callable[..., list[Any]], *arguments: object) -> None:
        try:
            self.fold.apply(send(*arguments))
        except Refusal:
            return


@pytest.mark.timeout(600)
def test_python_decides_on_events_as_the_contract_does_on_state(city: City) -> None:
    for agency, account in ((city.health, city.health_account), (city.police, city.police_account)):
        city.appoint(account, agency, account)
    seen: Counter[int] = Counter()
    run_state_machine_as_test(
        lambda: Histories(city, seen),  # type: ignore[arg-type] # any factory of a machine
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    # Else the histories would be too poor to show anything.
    assert {11, 21, 22, 31, 32, 40, 41, 71, 81, 91, 120, 131} <= seen.keys(), seen
