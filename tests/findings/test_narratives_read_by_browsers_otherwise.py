"""What XML takes for text, a comment or an unknown name is markup or a link to a browser that shows it."""

from __future__ import annotations

import pytest

from cityledger.profiles.fhir_narrative import narrative_fault


def _fault(inner: str) -> str:
    return narrative_fault(f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>')


@pytest.mark.parametrize(
    "inner",
    [
        '<a href="javascript&colon;alert(1)">x</a>',
        '<a href="java&Tab;script&colon;alert(1)">x</a>',
        '<!--><img src="x" onerror="alert(1)"/>-->',
        "<!---><script>alert(1)</script>-->",
        "<![CDATA[><img src=x onerror=alert(1)>]]>",
    ],
)
def test_narratives_that_html_would_read_otherwise_are_refused(inner: str) -> None:
    assert _fault(inner)


@pytest.mark.parametrize(
    "inner", ["&nbsp;&eacute;&lt;&apos;&#58;", "x<!-- a note: > stands inside -->", "R&amp;D; A &amp; B"]
)
def test_entities_of_html_4_and_plain_comments_are_taken(inner: str) -> None:
    assert not _fault(inner)
