"""Multipart bodies as a stream of parts, in constant memory (RFC 7578, RFC 2387)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from cityledger.errors import InputError, MediaTypeError

MULTIPART = frozenset({"multipart/form-data", "multipart/related"})
_PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})
_BEGIN, _NAME, _VALUE, _HEADER, _HEADERS, _DATA, _END, _LAST = range(8)


@dataclass(frozen=True, slots=True)
class BodyPart:
    """One part. Read ``chunks`` to their end before the next part.

    ``media_type`` is "" where the part does not state it.
    """

    name: str
    media_type: str
    chunks: Iterator[bytes]


def read_parts(content_type: str, body: Iterator[bytes]) -> Iterator[BodyPart]:
    """The parts of a body in its order.

    Raises, also from a part's chunks:
        InputError: it is not multipart, or it ends before its last boundary.
        MediaTypeError: a part is encoded or compressed.
    """
    events = _Events(_boundary(content_type), body)
    while events.take() == _BEGIN:
        headers = _headers(events)
        _verify_plain(headers)
        yield BodyPart(_name(headers), _media_type(headers), _data(events))
    for _ in body:  # RFC 2046 permits bytes after the last boundary; they have no meaning
        pass


class _Events:
    """Turns the parser's callbacks into a queue, which is filled on demand."""

    def __init__(self, boundary: str, body: Iterator[bytes]) -> None:
        self._body = body
        self._waiting: deque[int | tuple[int, bytes]] = deque()
        put, put_bytes = self._waiting.append, self._put_bytes
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": lambda: put(_BEGIN),
                    "on_header_field": lambda data, start, end: put_bytes(_NAME, data[start:end]),
                    "on_header_value": lambda data, start, end: put_bytes(_VALUE, data[start:end]),
                    "on_header_end": lambda: put(_HEADER),
                    "on_headers_finished": lambda: put(_HEADERS),
                    "on_part_data": lambda data, start, end: put_bytes(_DATA, data[start:end]),
                    "on_part_end": lambda: put(_END),
                    "on_end": lambda: put(_LAST),
                },
            )
        except FormParserError as error:
            raise InputError("Content-Type", "names a boundary that is too long") from error

    def take(self) -> int | tuple[int, bytes]:
        while not self._waiting:
            chunk = next(self._body, None)
            if chunk is None:
                raise InputError("", "the body ends before its last boundary")
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise InputError("", "the body is not multipart as its Content-Type says") from error
        return self._waiting.popleft()

    def _put_bytes(self, kind: int, data: bytes) -> None:
        self._waiting.append((kind, data))


def _headers(events: _Events) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    name, value = b"", b""
    while (event := events.take()) != _HEADERS:
        if isinstance(event, tuple):
            kind, data = event
            name, value = (name + data, value) if kind == _NAME else (name, value + data)
        else:
            headers[name.decode("latin-1").lower()] = _text(value)
            name, value = b"", b""
    return headers


def _data(events: _Events) -> Iterator[bytes]:
    while isinstance(event := events.take(), tuple):
        yield event[1]


def _boundary(content_type: str) -> str:
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_param("boundary", "")
    if not isinstance(boundary, str) or not boundary or not boundary.isascii():
        raise InputError("Content-Type", "names no boundary")
    return boundary


def _name(headers: Mapping[str, str]) -> str:
    """By ``Content-Disposition`` (a form), else by ``Content-ID`` (RFC 2387)."""
    _, options = parse_options_header(headers.get("content-disposition", ""))
    name = options.get(b"name", b"").decode("utf-8", "replace")
    name = name or headers.get("content-id", "").strip().removeprefix("<").removesuffix(">")
    if not name:
        raise InputError("", "a part of the body has no name: give it Content-Disposition or Content-ID")
    return name


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _verify_plain(headers: Mapping[str, str]) -> None:
    if "content-encoding" in headers:
        raise MediaTypeError("Content-Encoding", "is not supported for a part; send the plain bytes")
    if headers.get("content-transfer-encoding", "").strip().lower() not in _PLAIN_ENCODINGS:
        raise MediaTypeError("Content-Transfer-Encoding", "must be binary, or omitted")


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError("", "a header of a part is not UTF-8") from None
