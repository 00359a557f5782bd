"""Every problem that a node may return becomes the error that it reports."""

import json

import pytest

from cityledger import errors
from cityledger.api.http import problems as node_problems
from cityledger.client.http.problems import ERRORS, error_of

RAISED = [
    errors.InputError("", "is wrong"),
    errors.MalformedJsonError("a", "is there twice"),
    errors.FieldError("parts.summary.status", "must be text: or not"),
    errors.PayloadError("parts.title.uid", "this field is required"),
    errors.TooLargeError("", "the body has 9 bytes"),
    errors.MediaTypeError("Content-Type", "must be JSON"),
    errors.AuthenticationError("send a token"),
    errors.CredentialError("assertion: expired"),
    errors.TokenError("unknown"),
    errors.DeniedError(81, "no live grant covers these parts"),
    errors.NotFoundError("record"),
    errors.NotFoundError("dataset"),
    errors.MisdirectedError("ask its own endpoint"),
    errors.ConflictError("other writes kept coming first"),
    errors.ContradictionError("of one instant"),
    errors.StaleVersionError("the record's newest version is 2, not 1"),
    errors.IdempotencyError("used before"),
    errors.VaultKeyRotatedError("wrap it again"),
    errors.UnavailableError("shutting down"),
    errors.StaleIndexError("the head is 16 s old"),
    errors.OtherRulesError("the code of ACCESS_POLICY is another"),
    errors.ChainUnavailableError("no endpoint answers"),
    errors.KeyUnavailableError("the signer does not answer"),
    errors.CheckFailedError("the object store does not answer"),
    errors.NodeUnreachableError("it does not answer"),
    errors.NotAnchoredError("not mined yet"),
    errors.StalledBodyError("", "the body brought nothing for 30 s"),
    errors.TooManyRequestsError("send fewer"),
    errors.BusyError("no room for the body"),
    errors.StorageFullError("nothing was written"),
    errors.WriteConflictError("others wrote the same"),
    errors.UnknownOutcomeError("the database did not say"),
    errors.HeadMovedError("another version is the record's current head"),
    errors.NotAcceptableError("Accept", "none of these"),
    errors.FormatError("file", "is not CSV"),
    errors.RevertedError("DataCatalogNotSteward", {"provider": "7", "caller": "0xab"}),
    errors.ChainError("against the protocol"),
    errors.WrongChainError("another chain"),
    errors.LogHaltedError("log 3 is halted"),
    errors.NodeError("of another form"),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_error_of_gives_back_what_the_node_raised(error: errors.CityledgerError) -> None:
    answer = node_problems.answer(error)
    back = error_of(answer.status_code, json.loads(bytes(answer.body)))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


WITHOUT_CAUSE = {
    errors.CityledgerError,
    errors.SealingError,
    errors.VerificationError,
    errors.KeyringError,
    errors.ConfigurationError,
}
"""Classes of which a node returns only that it failed, and not the cause."""


def test_every_kind_of_error_of_the_nodes_table_is_tried() -> None:
    assert node_problems.PROBLEMS.keys() - {type(one) for one in RAISED} == WITHOUT_CAUSE


def test_every_code_of_the_nodes_table_is_known() -> None:
    codes = {problem.code for problem in node_problems.PROBLEMS.values()}
    codes |= set(node_problems._HTTP_CODES.values())
    assert codes - ERRORS.keys() == set()


@pytest.mark.parametrize("secret", [errors.SealingError, errors.VerificationError])
def test_altered_bytes_are_a_verification_error(secret: type[errors.CityledgerError]) -> None:
    answer = node_problems.answer(secret("inside"))
    assert isinstance(error_of(500, json.loads(bytes(answer.body))), errors.VerificationError)


def test_unknown_codes_and_no_code_are_node_errors() -> None:
    assert isinstance(error_of(418, {"code": "teapot", "detail": "short and stout"}), errors.NodeError)
    assert "502" in str(error_of(502, {"detail": "Bad Gateway"}))
