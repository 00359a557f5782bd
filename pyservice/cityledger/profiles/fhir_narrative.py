"""The XHTML of a FHIR narrative (HL7 FHIR 4.0.1, narrative.html): text to show, without active content.

Other agencies' screens show stored narratives, so a script in one would run there.
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
_LOADED = frozenset({"src", "background"})
"""Attributes whose target a viewer loads automatically: an outside server would learn of the reader."""
_LINKS = frozenset({"href", "cite", "longdesc"}) | _LOADED
_REFUSED = frozenset(
    {"srcset", "dynsrc", "lowsrc", "ping", "srcdoc", "formaction", "action", "data", "poster"}
)
_OUTSIDE = ("http:", "https:", "mailto:", "tel:", "urn:")
_IMAGES = re.compile(r"data:image/(?:png|jpe?g|gif|webp|bmp)[;,]")
"""Without SVG, which is a document that may hold scripts."""
_XHTML = "http://www.w3.org/1999/xhtml"
_CSS = re.compile(
    r"[\\@<]|/\*|\b(?:url|expression|image|image-set|src|element|attr)\s*\(|behaviou?r|-moz-binding|script:"
)
"""Forbidden in a style (txt-1: "internally contained"): text that loads, runs, or hides either."""
_ENTITY = re.compile(r"&([^#&;\s][^&;\s]*+);")
_ENTITIES = frozenset({*name2codepoint, "apos"})
"""Entities of HTML 4 and XML. Browsers know two thousand more, such as ``&colon;``, and expat ignores unknown
ones: a link would be read differently here than it is shown."""


class _RefusedError(Exception):
    """Ends the parse at the first construct that a narrative must not hold."""


def narrative_fault(text: str) -> str:
    """The reason why a ``div`` is not a FHIR narrative; "" if it is one."""
    parser = expat.ParserCreate()
    parser.UseForeignDTD(True)  # otherwise &nbsp; would be unknown, which HTML has and XML lacks
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.ProcessingInstructionHandler = _refuse_instruction
    parser.StartCdataSectionHandler = _refuse_cdata
    parser.CommentHandler = _verify_comment
    shown = _Shown(parser)
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
    return "" if shown.anything else "must hold some text or an image (txt-2)"


class _Shown:
    """The visible content of a narrative."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self.anything = False
        parser.CharacterDataHandler = self._note
        parser.StartElementHandler = self._verify

    def _note(self, text: str) -> None:
        self.anything = self.anything or not text.isspace()

    def _verify(self, name: str, attributes: dict[str, str]) -> None:
        self.anything = self.anything or name == "img"
        _verify_element(name, attributes)


def _verify_element(name: str, attributes: dict[str, str]) -> None:
    if name not in _ELEMENTS:
        raise _RefusedError("must hold only the text elements that FHIR allows: no scripts, forms or frames")
    for attribute, value in attributes.items():
        _verify_attribute(attribute.lower(), value)


def _verify_attribute(name: str, value: str) -> None:
    if name.startswith("on"):
        raise _RefusedError("must not hold event attributes")
    if name in _REFUSED:
        raise _RefusedError("must not hold attributes that load or send")
    if name.startswith("xmlns") and value != _XHTML:
        raise _RefusedError("must be in the namespace of XHTML alone")
    if name == "style" and _CSS.search(value.lower()):
        raise _RefusedError("must not hold styles that load or execute")
    if name in _LINKS and not _is_safe(value, is_loaded=name in _LOADED):
        raise _RefusedError("must not hold links that execute or load from elsewhere")


def _is_safe(link: str, *, is_loaded: bool) -> bool:
    plain = "".join(character for character in link if character.isprintable() and character != " ").lower()
    if plain.startswith("#") or _IMAGES.match(plain):
        return True
    if is_loaded:  # relative addresses are of this server; "//host" is not
        return plain.startswith("cid:") or (
            ":" not in plain.split("/")[0] and not plain.startswith(("//", "\\"))
        )
    return plain.startswith((*_OUTSIDE, "cid:")) or ":" not in plain.split("/")[0]


def _refuse_doctype(*_declared: object) -> None:
    # Its entities could make a few bytes into gigabytes.
    raise _RefusedError("must not hold a document type")


def _refuse_instruction(*_given: object) -> None:
    raise _RefusedError("must not hold processing instructions")


def _refuse_cdata() -> None:
    # HTML reads it as a comment that ends at the first ">": the rest, text here, would be markup there.
    raise _RefusedError("must not hold CDATA sections")


def _verify_comment(text: str) -> None:
    if text.startswith((">", "->")):  # HTML ends the comment there, XML only at "-->"
        raise _RefusedError("must not hold comments that HTML ends elsewhere than XML")
