"""An Attachment whose size contradicts its data was accepted, and so were local references without their
resource, arrays of nulls alone, and narratives that load from elsewhere, act by their style, or show nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from cityledger.errors import PayloadError
from cityledger.profiles import registry

DATA = b"help i'm a bug"
TEXT = base64.b64encode(DATA).decode()
SHA1 = base64.b64encode(hashlib.sha1(DATA, usedforsecurity=False).digest()).decode()
ENCOUNTER: dict[str, Any] = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}
PLACES: dict[str, tuple[str, dict[str, Any], list[str | int]]] = {
    "Media": ("imaging_report", {"resourceType": "Media", "status": "completed"}, ["content"]),
    "DiagnosticReport": (
        "imaging_report",
        {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"}},
        ["presentedForm", 0],
    ),
    "Patient": ("administration", {"resourceType": "Patient"}, ["photo", 0]),
    "an extension": ("summary", ENCOUNTER, ["extension", 0, "valueAttachment"]),
    "a contained resource": ("summary", ENCOUNTER, ["contained", 0, "photo", 0]),
}


def check(part: str, resource: dict[str, Any]) -> None:
    registry.get("medical").validate(
        {"summary": json.dumps(ENCOUNTER).encode(), part: json.dumps(resource).encode()}
    )


def with_attachment(name: str, attachment: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    """The part, the resource, and the path of the attachment in it."""
    part, resource, steps = PLACES[name]
    made: Any = attachment
    for step in reversed(steps):
        made = [made] if step == 0 else {str(step): made}
    if "extension" in steps:
        made["extension"][0]["url"] = "urn:x"
    if "contained" in steps:
        made["contained"][0] |= {"resourceType": "Patient", "id": "p1"}
    path = "".join(f"[{step}]" if step == 0 else f".{step}" for step in steps)
    return part, {**resource, **made}, f"parts.{part}{path}"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "size": ({"contentType": "text/plain", "data": TEXT, "size": 100}, "size"),
    "size of the base64": ({"contentType": "text/plain", "data": TEXT, "size": len(TEXT)}, "size"),
    "size 0": ({"contentType": "text/plain", "data": TEXT, "size": 0}, "size"),
    "hash": ({"contentType": "text/plain", "data": TEXT, "hash": TEXT}, "hash"),
    "hash in hex": ({"contentType": "text/plain", "data": TEXT, "hash": "abcd" * 10}, "hash"),
    "no type": ({"data": TEXT}, "contentType"),
    "null": ({"contentType": "text/plain", "data": None}, "data"),
    "a script": ({"contentType": "text/html", "url": "javascript:alert(1)"}, "url"),
    "a page": ({"contentType": "text/html", "url": "DATA:text/html,x"}, "url"),
    "a local url": ({"contentType": "text/html", "url": "#p2"}, "url"),
}
RIGHT: dict[str, dict[str, Any]] = {
    "all": {"contentType": "text/plain", "data": TEXT, "size": len(DATA), "hash": SHA1},
    "data with space": {"contentType": "text/plain", "data": f" {TEXT[:4]}\n{TEXT[4:]} ", "size": len(DATA)},
    "a url of what is elsewhere": {
        "contentType": "image/png",
        "url": "https://a.test/1",
        "size": 7,
        "hash": SHA1,
    },
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", WRONG)
def test_an_attachment_that_contradicts_itself_is_refused(place: str, name: str) -> None:
    attachment, member = WRONG[name]
    part, resource, path = with_attachment(place, attachment)
    with pytest.raises(PayloadError) as refused:
        check(part, resource)
    assert refused.value.field == f"{path}.{member}"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", RIGHT)
def test_an_attachment_that_says_what_is_true_is_accepted(place: str, name: str) -> None:
    part, resource, _path = with_attachment(place, RIGHT[name])
    check(part, resource)


LOCAL: dict[str, tuple[dict[str, Any], str]] = {
    "a reference": ({"subject": {"reference": "#p1"}}, "subject.reference"),
    "a canonical": ({"extension": [{"url": "u", "valueCanonical": "#p1"}]}, "extension[0].valueCanonical"),
    "in a contained resource": (
        {
            "contained": [
                {
                    "resourceType": "Observation",
                    "id": "o",
                    "status": "final",
                    "code": {"text": "x"},
                    "subject": {"reference": "#p1"},
                }
            ]
        },
        "contained[0].subject.reference",
    ),
    "in an extension": (
        {"extension": [{"url": "u", "valueReference": {"reference": "#p1"}}]},
        "extension[0].valueReference.reference",
    ),
}


@pytest.mark.parametrize("name", LOCAL)
def test_a_local_reference_needs_its_resource(name: str) -> None:
    more, field = LOCAL[name]
    with pytest.raises(PayloadError) as refused:
        check("summary", {**ENCOUNTER, **more})
    assert refused.value.field == f"parts.summary.{field}"

    contained = [*more.get("contained", []), {"resourceType": "Patient", "id": "p1"}]
    check("summary", {**ENCOUNTER, **more, "contained": contained})


NULLS: dict[str, tuple[dict[str, Any], str]] = {
    "a value": ({"given": ["a"], "family": None}, "family"),
    "an item without its extension": ({"given": ["a", None]}, "given[1]"),
    "an item whose extension is null": ({"given": ["a", None], "_given": [{"id": "x"}, None]}, "given[1]"),
    "a companion": ({"family": "a", "_family": None}, "_family"),
    "companions alone": ({"given": ["a", "b"], "_given": [None, None]}, "_given"),
    "an object": ({"family": "a", "period": None}, "period"),
}


@pytest.mark.parametrize("name", NULLS)
def test_null_is_no_value(name: str) -> None:
    member, field = NULLS[name]
    with pytest.raises(PayloadError) as refused:
        check("administration", {"resourceType": "Patient", "name": [member]})
    assert refused.value.field == f"parts.administration.name[0].{field}"


def test_null_holds_the_place_of_a_value_that_has_an_extension_alone() -> None:
    name = {"given": [None, "a"], "_given": [{"id": "x"}, None]}
    check("administration", {"resourceType": "Patient", "name": [name]})


OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'
ACTS = {
    "an SVG image": '<img src="data:image/svg+xml;base64,AA==" alt="x"/>',
    "an SVG link": '<a href="data:image/svg+xml,%3Csvg/%3E">x</a>',
    "an outside image": '<img src="https://tracker.test/1.png" alt="x"/>',
    "an outside image without scheme": '<img src="//tracker.test/1.png" alt="x"/>',
    "an outside background": '<table background="http://tracker.test/1.png"><tr><td>x</td></tr></table>',
    "an image set": '<img srcset="https://tracker.test/1.png 2x" alt="x"/>',
    "a ping": '<a href="#x" ping="https://tracker.test">x</a>',
    "a style that loads": '<p style="background: url(https://tracker.test/1)">x</p>',
    "a style that loads, hidden": '<p style="background: u\\72l(https://tracker.test/1)">x</p>',
    "a style that runs": '<p style="width: expression(alert(1))">x</p>',
    "a style that binds": '<p style="-moz-binding: x">x</p>',
    "a style that imports": '<p style="@import x">x</p>',
    "another namespace": '<p xmlns="http://www.w3.org/2000/svg">x</p>',
    "a prefix of another namespace": '<p xmlns:s="http://www.w3.org/2000/svg">x</p>',
    "nothing": "",
    "space": "<p> \n </p>",
}
SHOWS = {
    "a style": '<p style="color: red; margin: 0 auto">x</p>',
    "a PNG": '<img src="data:image/png;base64,AA==" alt=""/>',
    "an own image": '<img src="images/1.png" alt=""/><img src="#p1" alt=""/>',
    "an outside link": '<a href="https://hospital.test/1">x</a>',
}


@pytest.mark.parametrize("name", ACTS)
def test_a_narrative_neither_loads_nor_acts_and_shows_something(name: str) -> None:
    text = {"status": "generated", "div": f"{OPEN}{ACTS[name]}</div>"}
    with pytest.raises(PayloadError) as refused:
        check("summary", {**ENCOUNTER, "text": text})
    assert refused.value.field == "parts.summary.text.div"


@pytest.mark.parametrize("name", SHOWS)
def test_a_narrative_that_only_shows_is_accepted(name: str) -> None:
    check("summary", {**ENCOUNTER, "text": {"status": "generated", "div": f"{OPEN}{SHOWS[name]}</div>"}})


@pytest.mark.parametrize(
    "text",
    [
        "<script>x</script>",
        "a <SVG onload=x>",
        "<b onclick = 'x'>",
        "[x](javascript:alert(1))",
        "[x]( <data:text/html,x>)",
    ],
)
def test_markdown_holds_nothing_that_acts(text: str) -> None:
    note = {"extension": [{"url": "urn:x", "valueMarkdown": text}]}
    with pytest.raises(PayloadError, match="active HTML"):
        check("summary", {**ENCOUNTER, **note})


@pytest.mark.parametrize(
    "text", ["K < 3.5 and > 2", "**x** <b>y</b>", "see [x](https://a.test)", "<sodium> on= 3"]
)
def test_markdown_of_clinicians_is_accepted(text: str) -> None:
    check("summary", {**ENCOUNTER, "extension": [{"url": "urn:x", "valueMarkdown": text}]})
