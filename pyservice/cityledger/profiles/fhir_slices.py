"""Resources as they were written: extracted from a Bundle or an array, and joined again, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cityledger.strict_json import raw_items, raw_members


@dataclass(frozen=True, slots=True)
class Slice:
    """The exact bytes of one resource, and the ``fullUrl`` that its Bundle gave it; "" if none."""

    full_url: str
    data: bytes


def slices_of(payload: bytes) -> Iterator[Slice]:
    """The resources in a part of a medical record, in their order.

    Warning: only for a payload that fits the profile: of duplicate keys it uses the last.
    """
    if payload.lstrip()[:1] == b"[":
        yield from (Slice("", item) for item in raw_items(payload))
        return
    members = raw_members(payload)
    if json.loads(members["resourceType"]) != "Bundle":
        yield Slice("", payload.strip())
        return
    for entry in raw_items(members["entry"]):
        members = raw_members(entry)
        yield Slice(json.loads(members.get("fullUrl", b'""')), members["resource"])


def collection(slices: Iterable[Slice]) -> bytes:
    """A Bundle of type ``collection`` around resources as they are."""
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + b",".join(map(_entry, slices)) + b"]}"


def part_payload(slices: Iterable[Slice]) -> bytes:
    """One resource alone if there is one and no ``fullUrl`` would be lost, otherwise a ``collection``."""
    several = list(slices)
    return several[0].data if len(several) == 1 and not several[0].full_url else collection(several)


def _entry(one: Slice) -> bytes:
    if not one.full_url:
        return b'{"resource":' + one.data + b"}"
    return b'{"fullUrl":' + json.dumps(one.full_url).encode() + b',"resource":' + one.data + b"}"
