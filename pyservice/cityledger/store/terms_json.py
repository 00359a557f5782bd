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
            "purposes": [purpose_name(Purpose(purpose)) for purpose in terms.purposes],
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
        purposes=tuple(purpose_from_name(name) for name in held["purposes"]),
    )
