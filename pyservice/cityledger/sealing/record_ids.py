"""The public name of a record: a keyed digest of the provider's own id. Source: SPEC.md §1."""

from __future__ import annotations

import hmac

from cityledger.errors import FieldError
from cityledger.types import RecordId


def record_id(record_key: bytes, provider_id: str) -> RecordId:
    """HMAC-SHA256 under the dataset's record key of the id exactly as the provider writes it (no
    normalisation).

    Raises:
        FieldError: the id is empty or not encodable as UTF-8 (a lone surrogate).
    """
    if not provider_id:
        raise FieldError("id", "is empty")
    try:
        written = provider_id.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FieldError("id", "is not valid Unicode text") from error
    return RecordId(hmac.digest(record_key, written, "sha256"))
