"""Any order of acts on one title."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cityledger.errors import PayloadError
from cityledger.profiles.profile import Parts
from cityledger.profiles.property import PROPERTY
from cityledger.profiles.title_acts import (
    Entered,
    Money,
    Mortgage,
    NewParty,
    charge,
    discharge,
    lift,
    register,
    restrict,
    transfer,
)
from support.imports.title_values import TITLE, owned, value


class Registry(RuleBasedStateMachine):
    """Random acts, on days that never go back, compared with a model that only knows who owns how much."""

    @initialize(shares=st.sampled_from([["1/1"], ["1/2", "1/2"], ["1/3", "1/3", "1/3"], ["1/7", "6/7"]]))
    def registers(self, shares: list[str]) -> None:
        owners = [(NewParty(f"P{at}", "某人"), share) for at, share in enumerate(shares)]
        self.day = 1
        self.parts: Parts = register(TITLE, owners, self.entered())
        self.shares = {owner.pid: Fraction(share) for owner, share in owners}
        self.seized: set[str] = set()
        self.mortgaged: set[str] = set()
        self.known = len(shares)
        self.cids = 0
        self.before: Parts = {}

    def entered(self) -> Entered:
        return Entered(
            f"{2000 + self.day // 28 // 12}-{self.day // 28 % 12 + 1:02}-{self.day % 28 + 1:02}", basis="x"
        )

    def does(self, parts: Parts) -> None:
        self.before, self.parts = self.parts, parts

    @rule(days=st.integers(0, 40))
    def time_passes(self, days: int) -> None:
        self.day += days

    @rule(data=st.data(), new=st.booleans(), share=st.fractions(0, 1, max_denominator=30))
    def transfers(self, data: st.DataObject, new: bool, share: Fraction) -> None:
        giver = data.draw(st.sampled_from(sorted(self.shares)))
        others = sorted(set(self.shares) - {giver})
        taker: str | NewParty = NewParty(f"P{self.known}", "某人")
        if others and not new:
            taker = data.draw(st.sampled_from(others))
        pid = taker if isinstance(taker, str) else taker.pid
        lawful = not self.seized and 0 < share <= self.shares[giver]
        try:
            moved = transfer(
                self.parts, giver, taker, f"{share.numerator}/{share.denominator}", self.entered()
            )
        except PayloadError as error:
            assert not lawful or "nine digits" in error.reason, error
            return
        assert lawful
        self.known += pid not in self.shares
        self.shares[giver] -= share
        self.shares[pid] = self.shares.get(pid, Fraction()) + share
        self.does(moved)

    @rule(data=st.data())
    def charges(self, data: st.DataObject) -> None:
        by, cid = data.draw(st.sampled_from(sorted(self.shares))), f"C{self.cids}"
        mortgage = Mortgage(cid, "银行", Money(Decimal("1.10")))
        lawful = not self.seized and self.shares[by] > 0 and len(self.mortgaged) < 50
        try:
            charged = charge(self.parts, by, mortgage, self.entered())
        except PayloadError:
            assert not lawful
            return
        assert lawful
        self.cids += 1
        self.mortgaged.add(cid)
        self.does(charged)

    @rule(kind=st.sampled_from(["seizure", "heritage"]))
    def restricts(self, kind: str) -> None:
        cid = f"C{self.cids}"
        self.does(restrict(self.parts, cid, kind, "机关", self.entered()))
        self.cids += 1
        if kind == "seizure":
            self.seized.add(cid)

    @precondition(lambda self: self.seized)
    @rule(data=st.data())
    def lifts(self, data: st.DataObject) -> None:
        cid = data.draw(st.sampled_from(sorted(self.seized)))
        self.does(lift(self.parts, cid, self.entered()))
        self.seized.remove(cid)

    @precondition(lambda self: self.mortgaged)
    @rule(data=st.data())
    def discharges(self, data: st.DataObject) -> None:
        cid = data.draw(st.sampled_from(sorted(self.mortgaged)))
        self.does(discharge(self.parts, cid, self.entered()))
        self.mortgaged.remove(cid)

    @invariant()
    def ownership_is_whole_and_as_the_model_has_it(self) -> None:
        assert sum(self.shares.values()) == 1
        assert {pid: owned(self.parts, pid) for pid in self.shares} == self.shares

    @invariant()
    def every_version_fits_the_profile(self) -> None:
        PROPERTY.validate(self.parts)

    @invariant()
    def nothing_entered_is_struck_out(self) -> None:
        for name in ("rights", "charges", "parties"):
            old = value(self.before, name) if name in self.before else []
            new = value(self.parts, name) if name in self.parts else []
            assert len(new) >= len(old)
            for then, now in zip(old, new, strict=False):
                assert {**now, "until": then.get("until")} == {**then, "until": then.get("until")}
                assert "until" not in then or now["until"] == then["until"]


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
