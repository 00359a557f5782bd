"""Terms of a dataset as the index keeps them: a JSON text with sorted keys."""

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
    held = json.loads(text)
    return Terms(
        sharing_class=SharingClass(held["class"]),
        openness=Openness(held["openness"]),
        consent_required=held["consent"],
        emergency_allowed=held["emergency"],
        purposes=tuple(_purpose_from_text(text) for text in held["purposes"]),
    )


def _purpose_to_text(purpose: Purpose) -> str:
    """Its name; 0x and hex of what is none. The chain takes any 32 bytes, and no byte may get lost here: the
    rules compare all of them.
    """
    name = purpose_name(purpose)
    try:
        is_name = purpose_from_name(name) == purpose
    except ValueError:
        is_name = False
    return name if is_name else "0x" + purpose.hex()


def _purpose_from_text(text: str) -> Purpose:
    # No name has a lower-case letter.
    return Purpose(bytes.fromhex(text[2:])) if text.startswith("0x") else purpose_from_name(text)
