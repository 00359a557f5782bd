import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from cityledger.profiles.profile import Parts
from cityledger.profiles.property import PROPERTY
from cityledger.profiles.title_acts import (
    RESTRICTIONS,
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
from support.imports.title_values import (
    FIRST,
    LATER,
    LI,
    MORTGAGE,
    ORDER,
    TITLE,
    WANG,
    ZHAO,
    owned,
    refusal,
    value,
)


@pytest.fixture
def title() -> Parts:
    return register(TITLE, [(WANG, "1/2"), (LI, "1/2")], FIRST)


def test_register_enters_owners_and_keeps_the_title_byte_for_byte(title: Parts) -> None:
    assert title["title"] == TITLE
    assert [(one["party"], one["share"], one["since"]) for one in value(title, "rights")] == [
        ("P1", "1/2", "2019-05-01"),
        ("P2", "1/2", "2019-05-01"),
    ]
    assert value(title, "transaction") == {"type": "registration", "date": "2019-05-01", "number": "2019-1"}


@pytest.mark.parametrize("shares", [("1/2", "1/3"), ("1/1", "1/2"), ()])
def test_register_refuses_shares_that_are_not_the_whole(shares: tuple[str, ...]) -> None:
    owners = list(zip((WANG, LI), shares, strict=False))
    assert refusal(lambda: register(TITLE, owners, FIRST)) == (
        "parts.rights",
        "the shares of ownership must add up to 1/1",
    )


def test_transfer_of_a_part_ends_the_old_right_and_enters_what_is_left(title: Parts) -> None:
    moved = transfer(title, "P1", ZHAO, "1/6", LATER, price=Money(Decimal("800000.00")))

    assert [owned(moved, pid) for pid in ("P1", "P2", "P3")] == [
        Fraction(1, 3),
        Fraction(1, 2),
        Fraction(1, 6),
    ]
    assert value(moved, "rights")[0] == {
        "type": "ownership",
        "share": "1/2",
        "party": "P1",
        "since": "2019-05-01",
        "until": "2020-01-02",
    }
    assert value(moved, "parties")[2] == {"pid": "P3", "type": "naturalPerson", "name": "赵敏"}
    assert value(moved, "transaction") == {
        "type": "transfer",
        "date": "2020-01-02",
        "number": "2020-1",
        "right": "ownership",
        "share": "1/6",
        "from": "P1",
        "to": "P3",
        "price": {"value": 800000, "currency": "CNY"},
    }
    assert b'"value":800000.00,' in moved["transaction"]


def test_transfer_of_all_leaves_the_giver_nothing_and_needs_no_new_party(title: Parts) -> None:
    moved = transfer(title, "P1", "P2", "1/2", LATER)
    assert (owned(moved, "P1"), owned(moved, "P2")) == (Fraction(0), Fraction(1))
    assert moved["parties"] == title["parties"]


def test_transfer_takes_from_several_entries_oldest_first(title: Parts) -> None:
    gathered = transfer(title, "P1", "P2", "1/4", LATER)
    moved = transfer(gathered, "P2", ZHAO, "5/8", Entered("2021-01-01"))
    ended = [one["share"] for one in value(moved, "rights") if one.get("until") == "2021-01-01"]
    assert ended == ["1/2", "1/4"]
    assert [owned(moved, pid) for pid in ("P1", "P2", "P3")] == [
        Fraction(1, 4),
        Fraction(1, 8),
        Fraction(5, 8),
    ]


def test_what_is_bought_may_be_sold_on_the_same_day(title: Parts) -> None:
    bought = transfer(title, "P1", ZHAO, "1/2", LATER)
    sold = transfer(bought, "P3", "P2", "1/2", LATER)
    assert owned(sold, "P2") == 1


def test_transfer_refuses_more_than_the_giver_holds(title: Parts) -> None:
    assert refusal(lambda: transfer(title, "P1", "P2", "2/3", LATER)) == (
        "parts.transaction.share",
        "is more than the giving party has",
    )


@pytest.mark.parametrize("giver", ["P3", "P9"])
def test_transfer_refuses_a_giver_that_owns_nothing(title: Parts, giver: str) -> None:
    given_away = transfer(transfer(title, "P1", ZHAO, "1/2", LATER), "P3", "P2", "1/2", LATER)
    assert refusal(lambda: transfer(given_away, giver, "P2", "1/9", LATER)) == (
        "parts.transaction.from",
        "this party has no ownership of the title",
    )


def test_transfer_refuses_a_taker_that_is_not_a_party(title: Parts) -> None:
    field, _ = refusal(lambda: transfer(title, "P1", "P9", "1/2", LATER))
    assert field == "parts.rights[2].party"


def test_transfer_refuses_a_new_party_with_a_pid_that_is_taken(title: Parts) -> None:
    field, _ = refusal(lambda: transfer(title, "P1", NewParty("P2", "李四"), "1/2", LATER))
    assert field == "parts.parties[2].pid"


def test_transfer_refuses_shares_of_more_than_nine_digits() -> None:
    tiny = register(TITLE, [(WANG, "1/999999999"), (LI, "999999998/999999999")], FIRST)
    assert refusal(lambda: transfer(tiny, "P2", "P1", "1/7", LATER)) == (
        "parts.transaction.share",
        "the resulting shares have more than nine digits",
    )


@pytest.mark.parametrize("share", ["0.5", "1/0", "3/2", "", "1 / 2"])
def test_transfer_refuses_what_is_no_share(title: Parts, share: str) -> None:
    field, _ = refusal(lambda: transfer(title, "P1", "P2", share, LATER))
    assert field == "parts.transaction.share"


def test_act_refuses_a_day_before_the_newest_entry(title: Parts) -> None:
    moved = transfer(title, "P1", ZHAO, "1/2", LATER)
    discharged = discharge(charge(moved, "P3", MORTGAGE, LATER), "M1", Entered("2022-02-02"))
    for act in (
        lambda: transfer(moved, "P3", "P2", "1/2", Entered("2020-01-01")),
        lambda: restrict(discharged, "H1", "heritage", "文物局", Entered("2022-02-01")),
    ):
        assert refusal(act) == ("parts.transaction.date", "is before the newest entry of this title")


@pytest.mark.parametrize("day", ["2020-02-30", "2020-1-1", "tomorrow"])
def test_act_refuses_what_is_no_day(title: Parts, day: str) -> None:
    assert refusal(lambda: transfer(title, "P1", "P2", "1/2", Entered(day)))[0] == "parts.transaction.date"
    assert refusal(lambda: register(TITLE, [(WANG, "1/1")], Entered(day)))[0] == "parts.transaction.date"


def test_mortgage_stays_on_a_title_that_is_transferred(title: Parts) -> None:
    charged = charge(title, "P1", MORTGAGE, LATER)
    moved = transfer(charged, "P1", ZHAO, "1/2", LATER)
    assert moved["charges"] == charged["charges"]
    assert b'"amount":{"value":1250000.50,"currency":"CNY"}' in moved["charges"]
    assert value(charged, "transaction")["charge"] == "M1"
    assert value(charged, "transaction")["from"] == "P1"


def test_discharge_ends_the_mortgage_and_keeps_its_other_bytes(title: Parts) -> None:
    written = (
        b'[ {"cid":"M1", "type":"mortgage","holder":"B","since":"2019-05-01",'
        b'"amount":{"value":1.50,"currency":"CNY"}}]'
    )
    charged = {**title, "charges": written}
    done = discharge(charged, "M1", LATER)
    assert done["charges"] == (
        b'[{"cid":"M1","type":"mortgage","holder":"B","since":"2019-05-01",'
        b'"amount":{"value":1.50,"currency":"CNY"},"until":"2020-01-02"}]'
    )


def test_rankings_follow_those_in_force_and_are_not_given_twice(title: Parts) -> None:
    one = charge(title, "P1", MORTGAGE, LATER)
    two = charge(one, "P2", Mortgage("M2", "北京银行", Money(Decimal(9))), LATER)
    assert [each["ranking"] for each in value(two, "charges")] == [1, 2]
    third = Mortgage("M3", "北京银行", Money(Decimal(9)), ranking=2)
    assert refusal(lambda: charge(two, "P2", third, LATER)) == (
        "parts.charges[2].ranking",
        "a mortgage in force has this ranking",
    )
    freed = charge(discharge(two, "M2", LATER), "P2", third, LATER)
    assert [each["ranking"] for each in value(freed, "charges")] == [1, 2, 2]


def test_charge_refuses_a_grantor_that_owns_nothing_and_a_cid_that_is_taken(title: Parts) -> None:
    assert refusal(lambda: charge(title, "P3", MORTGAGE, LATER))[0] == "parts.transaction.from"
    charged = charge(title, "P1", MORTGAGE, LATER)
    assert refusal(lambda: charge(charged, "P1", MORTGAGE, LATER))[0] == "parts.charges[1].cid"


def test_seizure_stands_against_transfer_and_charge_until_it_is_lifted(title: Parts) -> None:
    seized = restrict(title, "S1", "seizure", "北京市朝阳区人民法院", ORDER)
    reason = "a seizure is in force, so the title can be neither transferred nor charged"
    assert refusal(lambda: transfer(seized, "P1", "P2", "1/2", LATER, despite=["S1"])) == (
        "parts.charges[0]",
        reason,
    )
    assert refusal(lambda: charge(seized, "P1", MORTGAGE, LATER)) == ("parts.charges[0]", reason)
    lifted = lift(seized, "S1", LATER)
    assert value(lifted, "transaction")["type"] == "withdrawalOfRestriction"
    assert owned(transfer(lifted, "P1", "P2", "1/2", LATER), "P2") == 1


def test_seizure_for_a_term_is_in_force_until_its_last_day(title: Parts) -> None:
    seizure = {"cid": "S1", "type": "seizure", "holder": "法院", "since": "2019-06-01", "until": "2022-06-01"}
    seized = {**title, "charges": json.dumps([seizure]).encode()}
    assert refusal(lambda: transfer(seized, "P1", "P2", "1/2", LATER))[0] == "parts.charges[0]"
    assert owned(transfer(seized, "P1", "P2", "1/2", Entered("2022-06-01")), "P2") == 1


def test_seizure_names_the_order_that_it_rests_on(title: Parts) -> None:
    assert refusal(lambda: restrict(title, "S1", "seizure", "法院", LATER)) == (
        "parts.transaction.basis",
        "a seizure must name the order that it is based on",
    )


@pytest.mark.parametrize("kind", ["noticeOfObjection", "advanceNotice"])
def test_notice_stands_against_acts_unless_it_is_waived_by_name(title: Parts, kind: str) -> None:
    restricted = restrict(title, "N1", kind, "利害关系人", LATER)
    assert refusal(lambda: transfer(restricted, "P1", "P2", "1/2", LATER))[0] == "parts.charges[0]"
    assert (
        refusal(lambda: transfer(restricted, "P1", "P2", "1/2", LATER, despite=["N2"]))[0]
        == "parts.charges[0]"
    )
    assert owned(transfer(restricted, "P1", "P2", "1/2", LATER, despite=["N1"]), "P2") == 1
    assert value(charge(restricted, "P1", MORTGAGE, LATER, despite=["N1"]), "charges")[1]["cid"] == "M1"


def test_heritage_stands_against_no_act(title: Parts) -> None:
    protected = restrict(title, "H1", "heritage", "文物局", LATER)
    assert owned(transfer(protected, "P1", "P2", "1/2", LATER), "P2") == 1


def test_restrict_knows_no_mortgage(title: Parts) -> None:
    assert refusal(lambda: restrict(title, "M1", "mortgage", "中国银行", LATER))[0] == "parts.charges.type"


@pytest.mark.parametrize(("end", "what"), [(discharge, "mortgage"), (lift, "restriction")])
def test_ending_refuses_what_is_not_in_force_or_of_the_other_kind(
    title: Parts, end: Callable[[Parts, str, Entered], Parts], what: str
) -> None:
    both = restrict(charge(title, "P1", MORTGAGE, LATER), "H1", "heritage", "文物局", LATER)
    own, other = ("M1", "H1") if what == "mortgage" else ("H1", "M1")
    expected = ("parts.transaction.charge", f"no {what} with this cid is in force")
    assert refusal(lambda: end(both, other, LATER)) == expected
    assert refusal(lambda: end(both, "X", LATER)) == expected
    assert refusal(lambda: end(end(both, own, LATER), own, LATER)) == expected


def test_no_act_is_done_on_a_sale_by_itself() -> None:
    sale = b'{"type":"sale","date":"2015-01","price":{"value":1,"currency":"SGD"}}'
    assert refusal(lambda: restrict({"transaction": sale}, "H1", "heritage", "文物局", LATER)) == (
        "parts.title",
        "this version has no title, only a reported sale",
    )


def test_titles_without_parties_move_between_pids_and_list_nobody(title: Parts) -> None:
    bare = {name: part for name, part in title.items() if name != "parties"}
    assert owned(transfer(bare, "P1", "P7", "1/2", LATER), "P7") == Fraction(1, 2)
    assert refusal(lambda: transfer(bare, "P1", ZHAO, "1/2", LATER))[0] == "parts.parties"


def test_restrictions_are_those_of_the_profile_that_are_no_mortgage() -> None:
    schema: Any = PROPERTY.schema
    types = schema["$defs"]["Charge"]["properties"]["type"]["enum"]
    assert set(RESTRICTIONS) == set(types) - {"mortgage"}
