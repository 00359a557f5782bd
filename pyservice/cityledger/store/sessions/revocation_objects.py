"""Names of the objects that store revocation lists outside of the database and of its backups.

The object is the list itself, which its agency signed. Source: SPEC.md §6, "Revocation list objects".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cityledger.errors import FieldError
from cityledger.types import MAX_AGENCY, AgencyId

PREFIX = "revocations/"
MAX_BYTES = 65_536
_NAME = re.compile(r"revocations/([1-9][0-9]{0,9})/([0-9a-f]{64})/([1-9][0-9]{0,15})\.jwt")


@dataclass(frozen=True, slots=True)
class ListName:
    """The list that an object's name states. ``key`` is the thumbprint of its signer's credential key."""

    agency: AgencyId
    key: bytes
    seq: int


def list_folder(agency: AgencyId, key: bytes) -> str:
    """The folder of the lists of one key of an agency, with a slash at the end."""
    return f"{PREFIX}{agency}/{key.hex()}/"


def list_key(agency: AgencyId, key: bytes, seq: int) -> str:
    """The key of the object of one list."""
    return f"{list_folder(agency, key)}{seq}.jwt"


def parse_list_key(name: str) -> ListName:
    """The parts of ``list_key``.

    Raises:
        FieldError: it is not the key of a list.
    """
    matched = _NAME.fullmatch(name)
    if matched is None:
        raise FieldError("name", "is not <agency>/<credential key>/<seq>.jwt")
    agency, key, seq = matched.groups()
    if int(agency) > MAX_AGENCY:
        raise FieldError("name", f"has an agency above {MAX_AGENCY}")
    return ListName(AgencyId(int(agency)), bytes.fromhex(key), int(seq))
