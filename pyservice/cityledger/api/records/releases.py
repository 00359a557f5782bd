"""JSON of releases to another agency's key, and of the receipts that they leave."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import Field

from cityledger.api.http.shapes import (
    EXAMPLE_DIGEST,
    Base64Url,
    Hex32,
    PartNames,
    RequestModel,
    ResponseModel,
    Version,
    hex_of,
    with_example,
)
from cityledger.errors import FieldError, SealingError
from cityledger.exchange.read import Released
from cityledger.exchange.receipts import PresentedKey
from cityledger.proofs.leaf_json import leaf_to_json, receipt_to_json
from cityledger.sealing.sealing_key import hpke_public_key, sealing_key_digest
from cityledger.store.receipts import StoredReceipt
from cityledger.types import Kem


class ReleaseRequest(RequestModel):
    """``kem`` 1 is X25519, 2 is X-Wing. The digest of ``sealingKey`` must be in the registry."""

    model_config = with_example(
        RequestModel, {"kem": 1, "sealingKey": base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")}
    )

    kem: Literal[1, 2]
    sealing_key: Annotated[Base64Url, Field(max_length=2_048)]
    parts: PartNames | None = None
    version: Version | None = None


class ReceiptView(ResponseModel):
    """A receipt as it was signed; ``leaf`` is its place in the receipts log."""

    model_config = with_example(
        ResponseModel, {"digest": EXAMPLE_DIGEST, "receipt": {}, "leaf": {}, "signature": "0x" + "00" * 65}
    )

    digest: Hex32
    receipt: dict[str, Any]
    leaf: dict[str, Any]
    signature: str


class LongPartView(ResponseModel):
    """``href`` is a path on this node; it is for the officer that the receipts name."""

    model_config = with_example(
        ResponseModel,
        {"sealedBytes": 731_448, "href": "/v1/datasets/0x…/records/0x…/parts/attachment/ciphertext?…"},
    )

    sealed_bytes: int
    href: str


class ReleaseView(ResponseModel):
    """``message`` contains the part keys, sealed to the consumer; ``ciphertexts`` are by part bit number.
    ``objects`` are the parts that are too long to be included, and where each is fetched.
    """

    model_config = with_example(
        ResponseModel,
        {
            "leaf": {},
            "kem": 1,
            "message": "AAAA",
            "receipts": [],
            "ciphertexts": {"0": "Q0xFMg"},
            "objects": {},
        },
    )

    leaf: dict[str, Any]
    kem: Literal[1, 2]
    message: Base64Url
    receipts: list[ReceiptView]
    ciphertexts: dict[str, Base64Url]
    objects: dict[str, LongPartView]


def receipt_view(stored: StoredReceipt) -> ReceiptView:
    return ReceiptView(
        digest=hex_of(stored.leaf.receipt),
        receipt=receipt_to_json(stored.receipt),
        leaf=leaf_to_json(stored.leaf),
        signature=hex_of(stored.signature),
    )


def release_view(released: Released) -> ReleaseView:
    release = released.release
    return ReleaseView(
        leaf=leaf_to_json(release.leaf),
        kem=1 if release.kem == 1 else 2,
        message=base64url(release.message),
        receipts=[receipt_view(stored) for stored in released.passed.receipts],
        ciphertexts={str(bit): base64url(sealed) for bit, sealed in release.ciphertexts.items()},
        objects={str(bit): _long_part(released, bit) for bit in release.objects},
    )


def _long_part(released: Released, bit: int) -> LongPartView:
    leaf, receipt = released.release.leaf, released.passed.receipt_digests[0]
    place = f"/v1/datasets/{hex_of(leaf.dataset)}/records/{hex_of(leaf.record)}/parts/{leaf.parts[bit].name}"
    href = f"{place}/ciphertext?version={leaf.version}&receipt={hex_of(receipt)}"
    return LongPartView(sealed_bytes=released.release.objects[bit], href=href)


def base64url(value: bytes) -> str:
    """RFC 4648 §5 without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def presented_key(request: ReleaseRequest) -> PresentedKey:
    """The key with its digest, which ``exchange`` compares with the registry's.

    Raises:
        FieldError: not a public key of that kem.
    """
    kem, text = Kem(request.kem), request.sealing_key
    try:
        public_key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        hpke_public_key(kem, public_key)
        return PresentedKey(kem, public_key, sealing_key_digest(kem, public_key))
    except (binascii.Error, SealingError) as error:
        raise FieldError("sealingKey", "is not a public key of this kem in base64url") from error
