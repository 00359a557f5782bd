from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityledger.api.http.multipart import read_parts
from cityledger.errors import InputError, MediaTypeError

FORM = "multipart/form-data; boundary=b0"
NAMES = st.sampled_from(["record", "attachment", "x" * 60])
PAYLOADS = st.one_of(
    st.binary(max_size=300), st.sampled_from([b"--b0", b"\r\n--b", b"\r\n--b0x", b"\r\n\r\n"])
)


def _body(parts: list[tuple[str, bytes]], *, end: bool = True) -> bytes:
    body = b"".join(
        f'--b0\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + payload + b"\r\n"
        for name, payload in parts
    )
    return body + (b"--b0--\r\n" if end else b"")


def _cut(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def _read(body: Iterator[bytes], content_type: str = FORM) -> list[tuple[str, bytes]]:
    return [(part.name, b"".join(part.chunks)) for part in read_parts(content_type, body)]


@settings(max_examples=150, deadline=None)
@given(parts=st.lists(st.tuples(NAMES, PAYLOADS), max_size=4), size=st.integers(1, 400))
def test_parts_come_back_however_the_body_is_cut(parts: list[tuple[str, bytes]], size: int) -> None:
    if any(payload.startswith(b"--b0\r\n") or b"\r\n--b0" in payload for _, payload in parts):
        parts = [(name, payload.replace(b"--b0", b"")) for name, payload in parts]

    assert _read(_cut(_body(parts), size)) == parts


@pytest.mark.parametrize("length", range(0, 150, 7))
def test_body_that_ends_early_is_refused(length: int) -> None:
    whole = _body([("record", b"{}"), ("attachment", b"\x00" * 40)])
    assert length < whole.index(b"--b0--")

    with pytest.raises(InputError):
        _read(iter([whole[:length]]))


@settings(max_examples=200, deadline=None)
@given(junk=st.binary(max_size=200))
def test_junk_is_refused_and_never_fails_otherwise(junk: bytes) -> None:
    with pytest.raises(InputError):
        _read(iter([junk]))


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 300,
        "multipart/form-data; boundary=é",
    ],
)
def test_boundary_that_is_none_is_refused(content_type: str) -> None:
    with pytest.raises(InputError):
        _read(iter([_body([])]), content_type)


@pytest.mark.parametrize("header", ["Content-Encoding: gzip", "Content-Transfer-Encoding: base64"])
def test_part_that_is_encoded_is_refused(header: str) -> None:
    body = f'--b0\r\nContent-Disposition: form-data; name="a"\r\n{header}\r\n\r\nx\r\n--b0--'.encode()

    with pytest.raises(MediaTypeError):
        _read(iter([body]))


@pytest.mark.parametrize("header", ["Content-Type: text/plain", 'Content-Disposition: form-data; name=""'])
def test_part_without_a_name_is_refused(header: str) -> None:
    with pytest.raises(InputError, match="name"):
        _read(iter([f"--b0\r\n{header}\r\n\r\nx\r\n--b0--".encode()]))


def test_headers_that_never_end_are_refused() -> None:
    endless = (b"--b0\r\nX-A: " if number == 0 else b"a" * 1_000 for number in range(100))

    with pytest.raises(InputError):
        _read(endless)
