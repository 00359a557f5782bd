"""One AES-GCM segment that opens under two keys (Dodis et al., Fast Message Franking, 2018)."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def two_key_segment(key_1: bytes, key_2: bytes, associated: bytes) -> bytes:
    """16 bytes and a tag that AES-256-GCM accepts under both keys: one block solves the equality of two
    GHASHes."""
    nonce = bytes(11) + b"\1"
    blocks = [associated[i : i + 16].ljust(16, b"\0") for i in range(0, len(associated), 16)]
    lengths = (8 * len(associated)).to_bytes(8, "big") + (128).to_bytes(8, "big")
    rest, slope = 0, 0
    for key in (key_1, key_2):
        h = aes_block(key, bytes(16))
        rest ^= ghash(h, [*blocks, bytes(16), lengths]) ^ aes_block(key, nonce + b"\0\0\0\1")
        slope ^= multiply(h, h)
    block = multiply(rest, inverse(slope)).to_bytes(16, "big")
    tag = ghash(aes_block(key_1, bytes(16)), [*blocks, block, lengths]) ^ aes_block(
        key_1, nonce + b"\0\0\0\1"
    )
    return block + tag.to_bytes(16, "big")


def first_block(key: bytes, block: bytes) -> bytes:
    """The plaintext of the first 16 bytes of a lone segment under AES-256-GCM."""
    stream = aes_block(key, bytes(11) + b"\1" + b"\0\0\0\2")
    return (int.from_bytes(block, "big") ^ stream).to_bytes(16, "big")


def aes_block(key: bytes, block: bytes) -> int:
    return int.from_bytes(Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block), "big")  # noqa: S305


def ghash(h: int, blocks: list[bytes]) -> int:
    state = 0
    for block in blocks:
        state = multiply(state ^ int.from_bytes(block, "big"), h)
    return state


def multiply(x: int, y: int) -> int:
    """In GCM's field (NIST SP 800-38D §6.3), where the most significant bit is the lowest power."""
    z = 0
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return z


def inverse(x: int) -> int:
    """x^(2^128 − 2)."""
    result, square = 1 << 127, x
    for _ in range(127):
        square = multiply(square, square)
        result = multiply(result, square)
    return result
