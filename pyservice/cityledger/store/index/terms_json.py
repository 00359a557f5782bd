"""Terms of a dataset as the index stores them: a JSON text with sorted keys."""

from __future__ import annotations

import json

from cityledger.types import Openness, Purpose, SharingClass, Terms, purpose_from_name, purpose_name


def terms_to_json(terms: Terms) -> str:
    """One text per value, so that equal terms are equal text."""
    return json.dumps(
        {
            "class": int(terms.sharing_class),
            "consent": terms.consent_required,
            "emergency": terms.emergency_allowed,
            "openness": int(terms.openness),
            "purposes": [_purpose_to_text(Purpose(purpose)) for purpose in terms.purposes],
        },
        sort_keys=True,
    )


def terms_from_json(text: str) -> Terms:
    """The inverse of ``terms_to_json``."""
    members = json.loads(text)
    return Terms(
        sharing_class=SharingClass(members["class"]),
        openness=Openness(members["openness"]),
        consent_required=members["consent"],
        emergency_allowed=members["emergency"],
        purposes=tuple(_purpose_from_text(text) for text in members["purposes"]),
    )


def _purpose_to_text(purpose: Purpose) -> str:
    """The purpose's name, or 0x and hex of bytes that are not a name. The chain accepts any 32 bytes, and
    none may be lost here: the rules compare all of them.
    """
    name = purpose_name(purpose)
    try:
        is_name = purpose_from_name(name) == purpose
    except ValueError:
        is_name = False
    return name if is_name else "0x" + purpose.hex()


def _purpose_from_text(text: str) -> Purpose:
    # Names have no lower-case letters.
    return Purpose(bytes.fromhex(text[2:])) if text.startswith("0x") else purpose_from_name(text)
