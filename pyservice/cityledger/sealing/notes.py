"""Short texts that a node stores in addition to records and that only its agency may read: AES-256-GCM under
a key of their own. They never leave the node, so SPEC.md does not specify their form.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cityledger.errors import SealingError

_NONCE_BYTES = 12
_LABEL = b"cityledger/v1/note"


def seal_note(key: bytes, text: str, nonce: bytes) -> bytes:
    """nonce ‖ ciphertext and tag. ``nonce`` is 12 random bytes, used once with this key of 32 bytes. A lone
    surrogate, as in a sender's member name, is stored as an escape."""
    return nonce + AESGCM(key).encrypt(nonce, text.encode("utf-8", "backslashreplace"), _LABEL)


def open_note(key: bytes, sealed: bytes) -> str:
    """
    Raises:
        SealingError: altered, or sealed with another key.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _LABEL).decode()
    except (InvalidTag, ValueError) as error:
        raise SealingError("a note was altered, or is another agency's") from error
