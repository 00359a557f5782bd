"""The sealing key that a consumer presents, read strictly."""

from __future__ import annotations

import base64
import binascii

from cityledger.api.wire.releases import AskRelease
from cityledger.errors import FieldError, SealingError
from cityledger.exchange.receipting import PresentedKey
from cityledger.sealing.sealing_key import hpke_public_key, sealing_key_digest
from cityledger.types import Kem


def presented_key(asked: AskRelease) -> PresentedKey:
    """The key with its digest, which the exchange holds against the registry's.

    Raises:
        FieldError: not a public key of that kem.
    """
    kem, text = Kem(asked.kem), asked.sealing_key
    try:
        public_key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        hpke_public_key(kem, public_key)
        return PresentedKey(kem, public_key, sealing_key_digest(kem, public_key))
    except (binascii.Error, SealingError) as error:
        raise FieldError("sealingKey", "is not a public key of this kem in base64url") from error
