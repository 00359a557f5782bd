import re
from pathlib import Path

from cityledger.policy.roles import ROLES_OF, is_role_allowed
from cityledger.types import Action, Role

SPEC = Path(__file__).resolve().parents[3] / "contracts/SPEC.md"


def test_the_table_is_that_of_the_spec() -> None:
    section = SPEC.read_text("utf-8").split("### 2.2")[1].split("### 2.3")[0]
    rows = re.findall(r"^\| ([A-Z]+)[^|]*\| (\d+) \|(.*)\|$", section, re.MULTILINE)
    assert len(rows) == len(Action)
    for name, value, cells in rows:
        action = Action(int(value))
        marks = [cell.strip() == "yes" for cell in cells.split("|")]
        assert action.name == name
        assert {role for role, is_yes in zip(list(Role)[1:], marks, strict=True) if is_yes} == ROLES_OF[
            action
        ]


def test_no_role_may_do_nothing() -> None:
    assert not any(is_role_allowed(action, Role.NONE) for action in Action)
