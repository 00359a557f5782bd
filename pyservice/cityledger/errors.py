"""Every error that cityledger raises on purpose, as one tree.

::

    CityledgerError
    ├── InputError                 the caller sent something wrong (4xx; names field and reason)
    │   ├── MalformedJsonError         not strict JSON: syntax, duplicate key, NaN, nesting, surrogate
    │   ├── FieldError                 one field of the request is wrong
    │   ├── PayloadError               the payload does not fit the dataset's profile
    │   ├── FormatError                a file is not in its declared format
    │   ├── TooLargeError              over a published limit
    │   ├── StalledBodyError           the body came too slowly (408)
    │   ├── MediaTypeError             not a media type that this route accepts
    │   └── NotAcceptableError         no media type that the caller accepts and this resource has
    ├── AuthenticationError        the caller is not known (401)
    │   ├── CredentialError            assertion, DPoP proof or SIWE message refused
    │   └── TokenError                 access token unknown, altered or expired
    ├── DeniedError                the rules deny, for a reason that may be disclosed (403)
    ├── NotFoundError              does not exist, or the caller may not know that it exists (404)
    ├── MisdirectedError           another node hosts this agency (421)
    ├── ConflictError              contradicts the present state (409, 412, 422)
    │   ├── ContradictionError         two states of one instant differ
    │   ├── StaleVersionError          If-Match or If-None-Match does not hold
    │   ├── VaultKeyRotatedError       wrapped under a vault key that is being retired; wrap again
    │   ├── HeadMovedError             another version of the record is the current head
    │   └── IdempotencyError           the key was used with another request
    ├── UnavailableError           not available now (429, 503, 507)
    │   ├── TooManyRequestsError       more requests than one client may send
    │   ├── BusyError                  other requests use what this one needs, such as memory for bodies
    │   ├── StaleIndexError            the index is older than its limit: reads stop
    │   ├── OtherRulesError            the city's policy contract has other rules than this node
    │   ├── ChainUnavailableError      no endpoint answers
    │   ├── NodeUnreachableError       the node that was asked does not answer at all
    │   ├── KeyUnavailableError        the signer or security module that keeps a key does not answer
    │   ├── NotAnchoredError           durable, but its batch is not mined yet
    │   ├── CheckFailedError           a health check of this node found something wrong
    │   ├── WriteConflictError         others wrote concurrently; nothing was written
    │   ├── UnknownOutcomeError        the database did not confirm whether it wrote
    │   └── StorageFullError           nothing was written
    ├── SealingError               refused to open: tampered, swapped, truncated, or another's key
    ├── VerificationError          a proof does not hold
    ├── KeyringError               a key is missing or cannot be opened
    ├── NodeError                  the node that was asked failed, or answered against the protocol
    ├── ChainError                 a contract or an endpoint answered against the protocol
    │   ├── RevertedError              the contract refused, with its error's name and facts
    │   ├── WrongChainError            another chain id or instance than configured
    │   └── LogHaltedError             a log was halted to avoid conflicting histories
    └── ConfigurationError         settings or manifest are incomplete or contradict each other

HTTP status and code of each are in ``api/http/problems.py``; a test checks that none is missing there.
"""

from __future__ import annotations

import traceback


class CityledgerError(Exception):
    """The root of the tree. ``str(error)`` is safe to show: no key, payload or identity is in it."""


class InputError(CityledgerError):
    """The caller sent something wrong. ``field`` is a path such as ``parts.summary.status``; "" is the
    whole.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}" if field else reason)


class MalformedJsonError(InputError):
    """The bytes are not strict JSON (RFC 8259, I-JSON for keys and strings)."""


class FieldError(InputError):
    """One field of the request is wrong."""


class PayloadError(InputError):
    """The payload does not fit the dataset's profile."""


class FormatError(InputError):
    """A file as a whole is not in its declared format; names the column or place."""


class TooLargeError(InputError):
    """A size or number is over a published limit."""


class StalledBodyError(InputError):
    """The body of a request arrived too slowly, or stopped arriving."""


class MediaTypeError(InputError):
    """The request's media type is not one that this route accepts."""


class NotAcceptableError(InputError):
    """The caller accepts only media types that the resource does not have."""


class AuthenticationError(CityledgerError):
    """The caller is not known to this node."""


class CredentialError(AuthenticationError):
    """An assertion, DPoP proof or SIWE message was refused; the reason says which check failed."""


class TokenError(AuthenticationError):
    """The access token is unknown, altered, expired or revoked."""


class DeniedError(CityledgerError):
    """The rules deny for a reason that depends on the dataset alone, and may be disclosed (SPEC.md §2.1)."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"denied by rule {code // 10} (code {code}): {reason}")


class NotFoundError(CityledgerError):
    """The thing does not exist, or the caller may not know that it exists: one answer for both."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"no such {what}")


class MisdirectedError(CityledgerError):
    """This node does not hold the agency's keys; the agency's own endpoint does."""


class ConflictError(CityledgerError):
    """The request contradicts the present state."""


class ContradictionError(ConflictError):
    """Two states of one instant differ. Withdraw the newest state first, if it was wrong."""


class StaleVersionError(ConflictError):
    """``If-Match`` or ``If-None-Match`` does not hold: the record was written concurrently."""


class VaultKeyRotatedError(ConflictError):
    """A data key was wrapped under a vault key that is being retired; nothing was written."""


class HeadMovedError(ConflictError):
    """The record's current head is another version than the one that is followed (SPEC.md §4.1)."""


class IdempotencyError(ConflictError):
    """The ``Idempotency-Key`` was used before with another request."""


class UnavailableError(CityledgerError):
    """The node cannot answer now; trying again later may help."""


class TooManyRequestsError(UnavailableError):
    """A client sends more requests than it may. It may send again after ``retry_after_seconds``."""

    def __init__(self, message: str, retry_after_seconds: float = 1.0) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class BusyError(UnavailableError):
    """Other requests use what this one needs; nothing of it was stored or written."""


class StaleIndexError(UnavailableError):
    """The index is older than the published limit, so reads stop (fail closed)."""


class OtherRulesError(UnavailableError):
    """The policy contract that the directory names has other rules than this node, or was not compared with
    them yet."""


class ChainUnavailableError(UnavailableError):
    """No endpoint of the chain answers."""


class NodeUnreachableError(UnavailableError):
    """The node that was asked does not answer: no connection, a time-out, or cut off in the middle."""


class KeyUnavailableError(UnavailableError):
    """A key is kept outside the node, and its keeper does not answer or refuses; nothing was done."""


class NotAnchoredError(UnavailableError):
    """The leaf to prove is durable, but no block holds its batch yet."""


class CheckFailedError(UnavailableError):
    """A health check found something wrong. The message may be shown to any client.

    ``detail`` adds what only the operator sees; ``next_step`` and ``vital`` are those of the check unless
    given.
    """

    def __init__(
        self, disclosed: str, *, detail: str = "", next_step: str | None = None, vital: bool | None = None
    ) -> None:
        super().__init__(disclosed)
        self.disclosed = disclosed
        self.detail = detail or disclosed
        self.next_step = next_step
        self.vital = vital


class WriteConflictError(UnavailableError):
    """Other transactions wrote what this one read or wrote; nothing was written, and it may be run again."""


class UnknownOutcomeError(UnavailableError):
    """The database was lost while it committed: all was written, or nothing. Check before repeating."""


class StorageFullError(UnavailableError):
    """The database or the disk is full or read-only; nothing was written."""


class SealingError(CityledgerError):
    """Refused to open: tampered, swapped, truncated, or sealed for another. Never names the secret."""


class VerificationError(CityledgerError):
    """A proof, receipt or stored byte does not hold."""


class KeyringError(CityledgerError):
    """A key is missing or cannot be opened with the passphrase or key file given."""


class NodeError(CityledgerError):
    """The node that was asked failed, or its answer is not of this protocol."""


class ChainError(CityledgerError):
    """A contract or an endpoint answered against the protocol."""


class RevertedError(ChainError):
    """The contract refused. ``name`` is the custom error's name, ``facts`` its arguments by name."""

    def __init__(self, name: str, facts: dict[str, object]) -> None:
        self.name = name
        self.facts = facts
        text = ", ".join(f"{key}={value}" for key, value in facts.items())
        super().__init__(f"the contract refused: {name}({text})")


class WrongChainError(ChainError):
    """The endpoint serves another chain id, or the directory another instance, than configured."""


class LogHaltedError(ChainError):
    """A log was halted because its chain state contradicts the store; an operator must examine it."""


class ConfigurationError(CityledgerError):
    """Settings or manifest are incomplete or contradict each other; lists every fault."""


def places_of(error: BaseException) -> str:
    """The innermost functions and lines of an error, for the log; its message may repeat sent data."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
