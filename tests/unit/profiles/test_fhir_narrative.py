import pytest

from cityledger.profiles.fhir_narrative import narrative_fault

OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'

GOOD = [
    f"{OPEN}正常</div>",
    f"  {OPEN}<p>a<br/>b</p></div>",
    f"{OPEN}&nbsp;&lt;5 &copy;</div>",
    f'{OPEN}<a href="http://example.org/1">1</a><a href="#x">2</a><a href="Patient/1">3</a></div>',
    f'{OPEN}<img src="data:image/png;base64,AA==" alt="x"/><span style="color: red">x</span></div>',
]
BAD = {
    "": "inside one <div>",
    "text": "inside one <div>",
    "<p>x</p>": "inside one <div>",
    f"{OPEN}x": "well-formed",
    f"{OPEN}</div>{OPEN}</div>": "well-formed",
    f"{OPEN}<br></div>": "well-formed",
    f"{OPEN}<script>alert(1)</script></div>": "only the text elements",
    f"{OPEN}<iframe/></div>": "only the text elements",
    f"{OPEN}<style>p {{}}</style></div>": "only the text elements",
    f'{OPEN}<svg xmlns="http://www.w3.org/2000/svg"/></div>': "only the text elements",
    f'{OPEN}<p onclick="alert(1)">x</p></div>': "event attributes",
    f'{OPEN}<a href="javascript:alert(1)">x</a></div>': "links that execute",
    f'{OPEN}<a href="java&#x0a;script:alert(1)">x</a></div>': "links that execute",
    f'{OPEN}<a href=" JavaScript:alert(1)">x</a></div>': "links that execute",
    f'{OPEN}<img src="data:text/html;base64,AA=="/></div>': "links that execute",
    f"{OPEN}<?php x ?></div>": "processing instructions",
    f'<!DOCTYPE d [<!ENTITY a "aa">]>{OPEN}&a;</div>': "inside one <div>",
}


@pytest.mark.parametrize("text", GOOD)
def test_fault_finds_none_in_text(text: str) -> None:
    assert narrative_fault(text) == ""


@pytest.mark.parametrize(("text", "fault"), BAD.items())
def test_fault_names_what_acts_or_breaks(text: str, fault: str) -> None:
    assert fault in narrative_fault(text)
