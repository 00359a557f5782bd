"""The API as it describes itself: whatever its own document allows or forbids is answered as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from support.node.node_fixture import TestNode
from support.node.served_node import ANSWER_SECONDS, served_node

EXAMPLES = 20
"""For each operation, role and mode; the cases are the same in every run."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestNode, httpx.Client]]:
    with served_node(tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture(scope="module")
def api(served: tuple[TestNode, httpx.Client]) -> Any:
    return schemathesis.openapi.from_url(f"{str(served[1].base_url).rstrip('/')}/openapi.json")


def test_document_describes_every_operation(api: Any) -> None:
    assert len(list(api.get_all_operations())) >= 29


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("role", ["writer", "steward"])
def test_every_operation_answers_as_it_says(
    api: Any, served: tuple[TestNode, httpx.Client], role: str, mode: GenerationMode
) -> None:
    node, _ = served
    failed: list[str] = []
    for found in api.get_all_operations():
        operation = found.ok()
        known = {"dataset": f"0x{node.health.hex()}"} if mode.is_positive else {}
        try:
            _ask(operation, mode, {"Authorization": f"Bearer {node.token('HEALTH', role)}"}, known)
        except FailureGroup as failure:
            failed.append(f"{operation.label}: {failure}")
        except Unsatisfiable:
            assert mode.is_negative, operation.label  # nothing to get wrong in an operation without input
    assert not failed, "\n\n".join(failed)


def _ask(operation: Any, mode: GenerationMode, headers: dict[str, str], known: dict[str, str]) -> None:
    """``known`` are path parameters that name something: most random ones end at "no such dataset"."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.path_parameters.update({name: known[name] for name in known if name in case.path_parameters})
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=ANSWER_SECONDS)

    ask()
