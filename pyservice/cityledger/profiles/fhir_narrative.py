"""The XHTML of a FHIR narrative (HL7 FHIR 4.0.1, narrative.html): text to show, and nothing that acts.

What is stored is shown again by other agencies' screens, so a script in it would run there.
"""

from __future__ import annotations

import re
from html.entities import name2codepoint
from xml.parsers import expat

_ELEMENT_NAMES = (
    "a abbr acronym address b bdo big blockquote br caption center cite code col colgroup dd del dfn dir div"
    " dl dt em font h1 h2 h3 h4 h5 h6 hr i img ins kbd li map menu ol p pre q s samp small span strike strong"
    " sub sup table tbody td tfoot th thead tr tt u ul var"
)
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())
_LINKS = frozenset({"href", "src", "cite", "longdesc", "background"})
_SCHEMES = ("http:", "https:", "mailto:", "tel:", "urn:", "cid:", "data:image/", "#")
_ENTITY = re.compile(r"&([^#&;\s][^&;\s]*+);")
_ENTITIES = frozenset({*name2codepoint, "apos"})
"""Those of HTML 4 and XML. Browsers know two thousand more, ``&colon;`` among them, and expat passes over
what it does not know: a link would be read as one thing here and shown as another."""


class _RefusedError(Exception):
    """Ends the parse at the first thing that a narrative must not hold."""


def narrative_fault(text: str) -> str:
    """Why a ``div`` is not a FHIR narrative; "" if it is one."""
    parser = expat.ParserCreate()
    parser.UseForeignDTD(True)  # else &nbsp; would be unknown, which HTML has and XML has not
    parser.StartElementHandler = _verify_element
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.ProcessingInstructionHandler = _refuse_instruction
    parser.StartCdataSectionHandler = _refuse_cdata
    parser.CommentHandler = _verify_comment
    try:
        if not text.lstrip().startswith("<div"):
            return "must be XHTML inside one <div>"
        if not _ENTITIES.issuperset(_ENTITY.findall(text)):
            return "must not hold character entities that HTML 4 does not have"
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        return f"must be well-formed XHTML, and is not at character {error.offset} of line {error.lineno}"
    except _RefusedError as refused:
        return str(refused)
    return ""


def _verify_element(name: str, attributes: dict[str, str]) -> None:
    if name not in _ELEMENTS:
        raise _RefusedError("must hold only the text elements that FHIR allows: no scripts, forms or frames")
    for attribute, value in attributes.items():
        if attribute.lower().startswith("on"):
            raise _RefusedError("must not hold event attributes")
        if attribute.lower() in _LINKS and not _is_safe(value):
            raise _RefusedError("must not hold links that act when they are opened")


def _is_safe(link: str) -> bool:
    plain = "".join(character for character in link if character.isprintable() and character != " ").lower()
    return plain.startswith(_SCHEMES) or ":" not in plain.split("/")[0]


def _refuse_doctype(*_declared: object) -> None:
    # Its entities could make a few bytes into gigabytes.
    raise _RefusedError("must not hold a document type")


def _refuse_instruction(*_given: object) -> None:
    raise _RefusedError("must not hold processing instructions")


def _refuse_cdata() -> None:
    # To HTML it is a comment that ends at the first ">": what follows, text here, would be markup there.
    raise _RefusedError("must not hold CDATA sections")


def _verify_comment(text: str) -> None:
    if text.startswith((">", "->")):  # HTML ends such a comment there, XML only at "-->"
        raise _RefusedError("must not hold comments that HTML ends elsewhere than XML")
