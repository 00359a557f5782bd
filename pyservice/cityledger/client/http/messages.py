"""A request to a node, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cityledger import strict_json
from cityledger.client.http.files import Download, RecordForm
from cityledger.client.http.problems import error_of
from cityledger.client.http.uploads import Upload
from cityledger.errors import CityledgerError, InputError, NodeError

MAX_ANSWER_BYTES = 64 * 1024 * 1024
IDEMPOTENCY_KEY = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` begins with a slash and is quoted. At most one of ``json``, ``content``, ``form`` and
    ``upload`` is given; the node recognises an upload by its content, however often it is sent.

    ``is_question`` marks a POST that changes nothing, such as a lookup: a repeat leaves one more receipt.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    content: bytes | None = None
    form: Mapping[str, str] | None = None
    is_question: bool = False
    upload: Upload | RecordForm | None = None
    download: Download | None = None
    """The file for the body of a successful answer; without it the body is in the answer."""

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice has the effect of sending it once, whatever the outcome of the first."""
        if self.upload is not None:  # a node recognises a file that it has received
            return self.upload.may_repeat
        if self.download is not None and not self.download.may_repeat:
            return False
        return self.method == "GET" or IDEMPOTENCY_KEY in self.headers

    @property
    def shown(self) -> str:
        """Method and path for errors, without a record's name, which may be personal."""
        return f"{self.method} {self.path.partition('/records/')[0]}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a node, successful or not. ``body`` is unchanged."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reason: str = ""

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as strict JSON.

        Raises:
            NodeError: it is not strict JSON.
        """
        try:
            return strict_json.parse(self.body, max_bytes=MAX_ANSWER_BYTES)
        except InputError as error:
            raise NodeError(f"the node's answer is not strict JSON: {error}") from error

    def problem(self) -> Mapping[str, object]:
        """The problem document of an answer that is not successful."""
        try:
            document = self.json()
        except NodeError:
            document = None
        return document if isinstance(document, dict) else {"detail": self.reason}

    def error(self) -> CityledgerError:
        """The error that an unsuccessful answer reports."""
        return error_of(self.status, self.problem())
