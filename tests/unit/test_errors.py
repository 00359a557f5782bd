from __future__ import annotations

import inspect
import re

import pytest

from cityledger import errors

CLASSES = {name: member for name, member in vars(errors).items() if inspect.isclass(member)}
DRAWN = re.findall(r"^(?:│   |    )*(?:├── |└── )?(\w+Error)\b", errors.__doc__ or "", re.MULTILINE)


def test_tree_in_the_docstring_names_every_error_once() -> None:
    assert sorted(DRAWN) == sorted(CLASSES)


def test_tree_in_the_docstring_has_the_shape_of_the_classes() -> None:
    parents: list[type[object]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^    ((?:│   |    )*)(├── |└── )?(\w+Error)\b", line)
        if found is None:
            continue
        depth = len(found[1]) // 4 + (found[2] is not None)
        drawn = CLASSES[found[3]]
        if depth:
            assert drawn.__bases__ == (parents[depth - 1],), found[3]
        parents[depth:] = [drawn]


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_error_says_when_it_is_raised(name: str) -> None:
    assert CLASSES[name].__doc__


def test_input_error_names_field_and_reason() -> None:
    error = errors.FieldError("parts.summary.status", "is missing")

    assert (error.field, error.reason) == ("parts.summary.status", "is missing")
    assert str(error) == "parts.summary.status: is missing"
    assert str(errors.MalformedJsonError("", "ends early")) == "ends early"


def test_denied_error_names_rule_and_code() -> None:
    assert str(errors.DeniedError(81, "no live grant")) == "denied by rule 8 (code 81): no live grant"


def test_reverted_error_names_the_contracts_error_and_its_facts() -> None:
    error = errors.RevertedError("DataCatalogNoGrant", {"dataset": "0x01", "consumer": 2})

    assert str(error) == "the contract refused: DataCatalogNoGrant(dataset=0x01, consumer=2)"
