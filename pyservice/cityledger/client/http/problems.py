"""Problem answers (RFC 9457) as errors of ``errors.py``: the inverse of ``api/http/problems.py``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from cityledger import errors
from cityledger.errors import CityledgerError

MEDIA_TYPE = "application/problem+json"
_NOT_FOUND = "-not-found"

ERRORS: Mapping[str, type[CityledgerError]] = {
    "internal-error": errors.NodeError,
    "invalid-request": errors.InputError,
    "malformed-json": errors.MalformedJsonError,
    "invalid-field": errors.FieldError,
    "invalid-payload": errors.PayloadError,
    "wrong-format": errors.FormatError,
    "too-large": errors.TooLargeError,
    "body-stalled": errors.StalledBodyError,
    "unsupported-media-type": errors.MediaTypeError,
    "not-acceptable": errors.NotAcceptableError,
    "unauthenticated": errors.AuthenticationError,
    "credential-refused": errors.CredentialError,
    "token-refused": errors.TokenError,
    "denied": errors.DeniedError,
    "not-found": errors.NotFoundError,
    "route-not-found": errors.NodeError,
    "method-not-allowed": errors.NodeError,
    "http-error": errors.NodeError,
    "misdirected": errors.MisdirectedError,
    "conflict": errors.ConflictError,
    "state-contradicted": errors.ContradictionError,
    "stale-version": errors.StaleVersionError,
    "vault-key-rotated": errors.VaultKeyRotatedError,
    "head-moved": errors.HeadMovedError,
    "idempotency-key-reused": errors.IdempotencyError,
    "unavailable": errors.UnavailableError,
    "too-many-requests": errors.TooManyRequestsError,
    "busy": errors.BusyError,
    "index-stale": errors.StaleIndexError,
    "other-rules": errors.OtherRulesError,
    "chain-unavailable": errors.ChainUnavailableError,
    "check-failed": errors.CheckFailedError,
    "key-unavailable": errors.KeyUnavailableError,
    "node-unreachable": errors.NodeUnreachableError,
    "not-anchored": errors.NotAnchoredError,
    "storage-full": errors.StorageFullError,
    "write-conflict": errors.WriteConflictError,
    "outcome-unknown": errors.UnknownOutcomeError,
    "stored-bytes-altered": errors.VerificationError,
    "key-missing": errors.KeyringError,
    "node-error": errors.NodeError,
    "chain-error": errors.ChainError,
    "contract-refused": errors.RevertedError,
    "wrong-chain": errors.WrongChainError,
    "log-halted": errors.LogHaltedError,
    "misconfigured": errors.NodeError,
}
"""By code. A code ``<what>-not-found`` that is not in the table is NotFoundError."""

_DENIAL = re.compile(r"denied by rule \d+ \(code (\d+)\): (.*)", re.DOTALL)
_REVERT = re.compile(r"the contract refused: (\w*)\((.*)\)", re.DOTALL)


def error_of(status: int, problem: Mapping[str, object]) -> CityledgerError:
    """The error that a problem document reports; a code that this version does not know is a NodeError."""
    code, detail = str(problem.get("code", "")), str(problem.get("detail", ""))
    kind = ERRORS.get(code)
    if kind is None and code.endswith(_NOT_FOUND):
        return errors.NotFoundError(code.removesuffix(_NOT_FOUND))
    if kind is None:
        return errors.NodeError(f"the node answered {status} {code or 'without a problem code'}: {detail}")
    make = _MAKERS.get(kind, _with_field if issubclass(kind, errors.InputError) else None)
    return make(kind, problem, detail) if make else kind(detail)


def _with_field(kind: type[CityledgerError], problem: Mapping[str, object], detail: str) -> CityledgerError:
    field = str(problem.get("field", ""))
    return kind(field, detail.removeprefix(f"{field}: ") if field else detail)


def _denied(_kind: type[CityledgerError], problem: Mapping[str, object], detail: str) -> CityledgerError:
    found = _DENIAL.fullmatch(detail)
    code = problem.get("ruleCode")
    return errors.DeniedError(code if isinstance(code, int) else 0, found[2] if found else detail)


def _not_found(_kind: type[CityledgerError], _problem: Mapping[str, object], _detail: str) -> CityledgerError:
    return errors.NotFoundError("thing")


def _reverted(_kind: type[CityledgerError], _problem: Mapping[str, object], detail: str) -> CityledgerError:
    found = _REVERT.fullmatch(detail)
    if found is None:
        return errors.RevertedError(detail, {})
    pairs = (pair.partition("=") for pair in found[2].split(", ") if pair)
    return errors.RevertedError(found[1], {name: value for name, _, value in pairs})


_Make = Callable[[type[CityledgerError], Mapping[str, object], str], CityledgerError]
_MAKERS: Mapping[type[CityledgerError], _Make] = {
    errors.DeniedError: _denied,
    errors.NotFoundError: _not_found,
    errors.RevertedError: _reverted,
}
