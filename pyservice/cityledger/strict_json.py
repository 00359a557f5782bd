"""JSON that every reader interprets alike: RFC 8259 grammar, I-JSON (RFC 7493 §2) keys and strings.

Input on which parsers disagree is refused: duplicate keys, lone surrogates, NaN, a byte-order mark, numbers
beyond a double. Two readers that interpret one signed payload differently would each hold a valid proof of
it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import NoReturn, TypeAlias, Union

import msgspec

from cityledger.errors import MalformedJsonError, TooLargeError

Json: TypeAlias = Union[bool, int, Decimal, str, list["Json"], dict[str, "Json"], None]  # noqa: UP007

MAX_DEPTH = 64
"""Maximum nesting of arrays and objects, including the outermost."""
MAX_NUMBER_CHARACTERS = 1_000
MAX_NUMBER_EXPONENT = 308
"""The decimal exponent of the largest IEEE 754 double (RFC 7493 §2.2)."""
_BEYOND_DOUBLES = 2**1024 - 2**970
"""From here on, either way, a number rounds to infinity (IEEE 754-2019 §4.3.1): half a step above the largest
double, 1.7976931348623157e308. Every reader with doubles refuses it or reads another value."""

_MARKS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]|NaN|-?Infinity', re.DOTALL)
_SURROGATE_ESCAPES = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_SHOWN_PATH_CHARACTERS = 200
_ODD_NUMBER = "number out of the range or length that readers agree on"
_IsWanted = Callable[[Collection[str], str, object], bool]
"""Called for each step below a value: the steps before it, the step, and the value that it leads to."""


class _DuplicateKeyError(Exception):
    """Raised inside the decoder's hook, which does not know its position in the document."""


class _OddNumberError(Exception):
    """As above: the decoder's hooks get a literal without its position."""


class _Literal(str):
    """A number as written, for finding the path of one that is refused."""


class _Pairs(list[tuple[str, object]]):
    """An object with its repeated keys, for finding the path of a duplicate."""


def parse(data: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH, minus_zero: bool = True) -> Json:
    """The value of one strict JSON text; integers as ``int``, others as ``Decimal`` with all their digits.

    Without ``minus_zero`` the integer -0 is refused: for texts in which one value has one form.

    Raises:
        TooLargeError: more than ``max_bytes`` bytes.
        MalformedJsonError: not strict JSON, or nested too deep. ``field`` is the path of a duplicate key or
            of a number that readers disagree on; else the reason gives line and column.
    """
    if len(data) > max_bytes:
        raise TooLargeError("", f"JSON of more than {max_bytes} bytes")
    text = _decode(data)
    _refuse_marks(text, max_depth)
    _refuse_lone_surrogates(text)
    return _load(text, minus_zero=minus_zero)


def raw_members(data: bytes) -> dict[str, bytes]:
    """The exact bytes of each member of a JSON object, as written: 6.10 stays 6.10. Without surrounding
    space.

    Warning: call it only on bytes that :func:`parse` accepted. Alone it lets the last of duplicate keys win.

    Raises:
        MalformedJsonError: the value is not an object.
    """
    try:
        members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError as error:
        raise MalformedJsonError("", "must be a JSON object") from error
    return {name: bytes(raw) for name, raw in members.items()}


def raw_items(data: bytes) -> list[bytes]:
    """The exact bytes of each item of a JSON array; the same warning and error as :func:`raw_members`."""
    try:
        return [bytes(raw) for raw in msgspec.json.decode(data, type=list[msgspec.Raw])]
    except msgspec.ValidationError as error:
        raise MalformedJsonError("", "must be a JSON array") from error


def _decode(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise MalformedJsonError("", "a byte-order mark is not allowed (RFC 8259 §8.1)")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJsonError("", f"not UTF-8 at byte {error.start}") from error


def _refuse_marks(text: str, max_depth: int) -> None:
    """Checks depth and NaN before the decoder runs, since its recursion would otherwise fail first."""
    depth = 0
    for mark in _MARKS.finditer(text):
        match text[mark.start()]:
            case "[" | "{":
                depth += 1
                if depth > max_depth:
                    _refuse(text, mark.start(), f"nested deeper than {max_depth}")
            case "]" | "}":
                depth -= 1
            case "N" | "I" | "-":
                _refuse(text, mark.start(), "NaN and Infinity are not JSON numbers")


def _refuse_lone_surrogates(text: str) -> None:
    """Refuses ``\\ud83d`` without its partner, which has no UTF-8 form. The decoder checks other escapes."""
    for escape in _SURROGATE_ESCAPES.finditer(text):
        if escape["lone"]:
            _refuse(text, escape.start(), "lone surrogate in a string")


def _load(text: str, *, minus_zero: bool) -> Json:
    decoder = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=partial(_integer, minus_zero=minus_zero),
        parse_float=_decimal,
    )
    try:
        value: Json = decoder.decode(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise MalformedJsonError("", reason) from error
    except _DuplicateKeyError as error:
        raise MalformedJsonError(
            _path_of(text, _is_repeated), "this key occurs twice in its object"
        ) from error
    except _OddNumberError as error:
        literal = str(error)
        path = _path_of(text, lambda _above, _step, value: isinstance(value, _Literal) and value == literal)
        # A literal this odd occurs in the text once.
        reason = f"{_ODD_NUMBER} at {_place(text, text.find(literal))}"
        raise MalformedJsonError(path, reason) from error
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _DuplicateKeyError
    return members


def _integer(number: str, *, minus_zero: bool) -> int:
    # Checked before int(), which is quadratic in the digits; the sign is one character more.
    if len(number.lstrip("-")) > MAX_NUMBER_EXPONENT + 1:
        raise _OddNumberError(number)
    if number == "-0" and not minus_zero:
        raise MalformedJsonError("", "-0 is not allowed: zero is written 0")
    value = int(number)
    if abs(value) >= _BEYOND_DOUBLES:
        raise _OddNumberError(number)
    return value


def _decimal(number: str) -> Decimal:
    if len(number) > MAX_NUMBER_CHARACTERS:
        raise _OddNumberError(number)
    try:
        value = Decimal(number)
    except InvalidOperation as error:
        raise _OddNumberError(number) from error
    # copy_abs, unlike abs, does not round to the context's 28 digits.
    if abs(value.adjusted()) > MAX_NUMBER_EXPONENT or value.copy_abs() >= _BEYOND_DOUBLES:
        raise _OddNumberError(number)
    return value


def _refuse(text: str, position: int, reason: str) -> NoReturn:
    raise MalformedJsonError("", f"{reason} at {_place(text, position)}")


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"line {line}, column {column}"


def _path_of(text: str, is_wanted: _IsWanted) -> str:
    """The path of the first value or key that is wanted, by a second parse, since the first discards the
    path. "" if the text ends after it.
    """
    try:
        tree = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=_Literal, parse_float=_Literal).decode(
            text
        )
    except json.JSONDecodeError:
        return ""
    path = "".join(reversed(next(_paths(tree, is_wanted), [])))
    return path.removeprefix(".")[:_SHOWN_PATH_CHARACTERS]


def _is_repeated(above: Collection[str], step: str, _value: object) -> bool:
    return step in above


def _paths(value: object, is_wanted: _IsWanted) -> Iterator[list[str]]:
    """The steps to each that is wanted, innermost first. Paths are built only for matches."""
    seen: set[str] = set()
    for step, inner in _children(value):
        if is_wanted(seen, step, inner):
            yield [step]
        seen.add(step)
        for steps in _paths(inner, is_wanted):
            yield [*steps, step]


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, _Pairs):
        for key, inner in value:
            yield f".{key}", inner
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield f"[{index}]", inner
