from __future__ import annotations

import pytest
from starlette.requests import Request

from cityledger.api.http.headers import find_header
from cityledger.errors import FieldError


def request(*values: bytes) -> Request:
    return Request({"type": "http", "headers": [(b"cityledger-case", value) for value in values]})


def test_find_header_reads_utf8() -> None:
    assert find_header(request("案号 7".encode()), "Cityledger-Case", 200) == "案号 7"


def test_find_header_is_none_without_one() -> None:
    assert find_header(request(), "Cityledger-Case", 200) is None


REFUSED = {
    "not UTF-8": (b"\xff\xfe",),
    "empty": (b"",),
    "too long": (b"x" * 201,),
    "a control character": (b"a\x00b",),
    "a line break": ("a\u2028b".encode(),),
    "given more than once": (b"a", b"a"),
}


@pytest.mark.parametrize("values", REFUSED.values(), ids=REFUSED)
def test_find_header_refuses(values: tuple[bytes, ...]) -> None:
    with pytest.raises(FieldError) as caught:
        find_header(request(*values), "Cityledger-Case", 200)
    assert caught.value.field == "Cityledger-Case"
