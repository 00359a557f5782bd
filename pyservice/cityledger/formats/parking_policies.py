"""Policies of the Curb Data Specification as restrictions of the parking profile."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cityledger.errors import FieldError
from cityledger.formats.instants import epoch_instant
from cityledger.formats.parking_rows import present

_MINUTES = {"minute": 1, "hour": 60, "day": 1_440, "week": 10_080}
_SPAN = {"days_of_week", "time_of_day_start", "time_of_day_end"}
_RULE = {"activity", "max_stay", "max_stay_unit", "user_classes", "rate"}
_RATE = {"rate", "rate_unit", "rate_unit_period"}


def restriction(policy: Mapping[str, Any], currency: object) -> tuple[dict[str, Any], set[str]]:
    """The restriction, and the policy's fields that it represents in full; the others must be stored.

    Raises:
        FieldError: a converted field is of another type than in the specification.
    """
    spans, rules = _list(policy, "time_spans"), _list(policy, "rules")
    converted = present(
        id=policy["curb_policy_id"],
        type="ParkingRestriction",
        priority=policy.get("priority"),
        publishedAt=_instant(policy, "published_date"),
        timeSpans=[_span(span) for span in spans] or None,
        rules=[_rule(rule, currency) for rule in rules] or None,
    )
    used = {"curb_policy_id", "priority", "published_date"}
    if all(span.keys() <= _SPAN for span in spans):
        used.add("time_spans")
    if all(_is_converted(rule) for rule in rules):
        used.add("rules")
    return converted, used


def _is_converted(rule: Mapping[str, Any]) -> bool:
    rates = _list(rule, "rate")
    return rule.keys() <= _RULE - {"max_stay_unit"} and all(rate.keys() <= _RATE for rate in rates)


def _span(span: Mapping[str, Any]) -> dict[str, Any]:
    days = span.get("days_of_week")
    if days is not None and not (isinstance(days, list) and all(isinstance(day, str) for day in days)):
        raise FieldError("time_spans", "days_of_week must be an array of days")
    return present(
        days=None if days is None else [day.capitalize() for day in days],
        since=span.get("time_of_day_start"),
        until=span.get("time_of_day_end"),
    )


def _rule(rule: Mapping[str, Any], currency: object) -> dict[str, Any]:
    return present(
        activity=rule.get("activity"),
        maxStay=_minutes(rule),
        userClasses=rule.get("user_classes"),
        rates=[_rate(rate, currency) for rate in _list(rule, "rate")] or None,
    )


def _minutes(rule: Mapping[str, Any]) -> object:
    stay, unit = rule.get("max_stay"), rule.get("max_stay_unit", "minute")
    if unit not in _MINUTES:
        raise FieldError("rules", f"max_stay_unit must be one of {', '.join(_MINUTES)}")
    return stay * _MINUTES[unit] if isinstance(stay, int | Decimal) and not isinstance(stay, bool) else stay


def _rate(rate: Mapping[str, Any], currency: object) -> dict[str, Any]:
    return present(
        amount=rate.get("rate"),
        unit=rate.get("rate_unit"),
        period=rate.get("rate_unit_period"),
        currency=currency,
    )


def _instant(policy: Mapping[str, Any], name: str) -> str | None:
    return None if policy.get(name) is None else epoch_instant(policy[name], name)


def _list(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = value.get(name, [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise FieldError(name, "must be an array of objects")
    return items
