from __future__ import annotations

from collections.abc import Iterator

import pytest

from cityledger import errors
from cityledger.api.http.problems import PROBLEMS, answer, problem_of
from cityledger.errors import CityledgerError
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


def tree(kind: type[CityledgerError]) -> Iterator[type[CityledgerError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from tree(inner)


def test_every_error_has_its_own_row() -> None:
    # Only the package's errors: tests elsewhere may have made more.
    ours = {kind for kind in tree(CityledgerError) if kind.__module__ == errors.__name__}
    assert PROBLEMS.keys() == ours


def test_codes_are_stable_words() -> None:
    for problem in PROBLEMS.values():
        assert problem.code == problem.code.lower().replace("_", "-").replace(" ", "-")
        assert 400 <= problem.status <= 507


def test_unknown_kind_is_answered_as_the_nearest_above() -> None:
    class NewError(errors.StaleVersionError):
        pass

    assert problem_of(NewError("x")).code == "stale-version"


def test_not_found_names_what_is_missing() -> None:
    assert b'"code":"dataset-not-found"' in answer(errors.NotFoundError("dataset")).body


@pytest.mark.parametrize("kind", [errors.SealingError, errors.VerificationError])
def test_altered_bytes_do_not_say_what_was_found(kind: type[CityledgerError]) -> None:
    response = answer(kind("part summary: segment 3 of 0xabc"))
    assert response.status_code == 500
    assert b"segment" not in response.body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "route-not-found"),
        ("GET", "/docs", 404, "route-not-found"),
        ("GET", "/v1/agencies/", 404, "route-not-found"),
        ("DELETE", "/v1/agencies", 405, "method-not-allowed"),
        ("BREW", "/v1/agencies", 405, "method-not-allowed"),
    ],
)
def test_frameworks_refusals_have_the_one_shape(
    node: TestNode, method: str, path: str, status: int, code: str
) -> None:
    response = node.client.request(method, path)
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json().keys() == {"type", "title", "status", "detail", "code"}
    assert ("allow" in response.headers) == (status == 405)
    assert "/openapi.json" in response.json()["detail"]


def test_unexpected_error_says_nothing_of_the_inside(
    node: TestNode, caplog: pytest.LogCaptureFixture
) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    headers = node.headers("LAND", "reader", "TREATMENT")

    def broken(_count: int) -> bytes:
        raise RuntimeError("Patient/1 and /secret/path")

    response = node.client_with(random_bytes=broken).get(node.url(node.health, "visit"), headers=headers)

    assert (response.status_code, response.json()["code"]) == (500, "internal-error")
    assert "secret" not in response.text and "RuntimeError" not in response.text
    assert "error=RuntimeError" in caplog.text
    assert "secret" not in caplog.text
