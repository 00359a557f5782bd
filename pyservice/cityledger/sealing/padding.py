"""Padding before sealing, so that a ciphertext's length discloses little of its payload. Source: SPEC.md §5.

A payload is cut into frames, one a segment: u32 count ‖ that many bytes of it ‖ zeros. Frames are full until
the payload ends; those after it hold zeros alone. So the padding of a stream of unknown length follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cityledger.errors import SealingError

SEGMENT_BYTES = 1 << 16
"""A frame of full length."""
COUNT_BYTES = 4
ROOM_BYTES = SEGMENT_BYTES - COUNT_BYTES
"""Payload and zeros in a full frame."""
SMALLEST_PADDING, LARGEST_PADDING = 9, 16
"""Exponents of the smallest padded length: 512 to 65,536 bytes."""
_STEP = 4
_STEPS_END = 1 << 20
"""Above it padding adds at most an eighth of the payload, instead of a factor."""


def padded_bytes(length: int, padding: int) -> int:
    """The length in bytes to which a payload of ``length`` bytes is padded.

    The first of 2^padding × 1, 4, 16 … that holds it, if that is at most 1 MiB; else the first multiple of
    an eighth of the power of two below ``length``: eight lengths a doubling.
    """
    bucket: int = 1 << padding
    while bucket < length:
        bucket *= _STEP
    if bucket <= _STEPS_END:
        return bucket
    step = 1 << (length.bit_length() - 4)
    return -(-length // step) * step


def frames(chunks: Iterable[bytes], padding: int) -> Iterator[tuple[int, bool, bytes]]:
    """The padded payload as (number, is last, frame), for any chunks; holds one frame and a chunk."""
    number, waiting, total = 0, b"", 0
    for chunk in chunks:
        total += len(chunk)
        waiting += chunk
        start = 0
        # Strictly more: a frame is only known not to be the last when a byte follows it.
        while len(waiting) - start > ROOM_BYTES:
            yield number, False, _frame(waiting[start : start + ROOM_BYTES], ROOM_BYTES)
            start += ROOM_BYTES
            number += 1
        waiting = waiting[start:]
    room = padded_bytes(total, padding) - number * ROOM_BYTES
    while room > ROOM_BYTES:
        yield number, False, _frame(waiting, ROOM_BYTES)
        number, waiting, room = number + 1, b"", room - ROOM_BYTES
    yield number, True, _frame(waiting, room)


class Unpadding:
    """Returns the payload of frames in their order; a payload has one padded form only."""

    def __init__(self, padding: int) -> None:
        self._padding = padding
        self._padded = 0
        self._is_full = True
        self.payload_bytes = 0

    def take(self, frame: bytes) -> bytes:
        """The payload bytes of the next frame.

        Raises:
            SealingError: it is not a frame, or not one that may follow the previous ones.
        """
        room, count = len(frame) - COUNT_BYTES, int.from_bytes(frame[:COUNT_BYTES], "big")
        if room < 1 or count > room or (count and not self._is_full):
            raise SealingError("the padding is not that of a sealed payload")
        payload, zeros = frame[COUNT_BYTES : COUNT_BYTES + count], frame[COUNT_BYTES + count :]
        if zeros.count(0) != len(zeros):
            raise SealingError("the padding is not all zeros")
        self._is_full = count == room
        self._padded += room
        self.payload_bytes += count
        return payload

    def finish(self) -> None:
        """Checks the length after the last frame.

        Raises:
            SealingError: the payload is not padded to the length that its own length requires.
        """
        if self._padded != padded_bytes(self.payload_bytes, self._padding):
            raise SealingError("the payload is padded to another length than the rule requires")


def _frame(payload: bytes, room: int) -> bytes:
    return len(payload).to_bytes(COUNT_BYTES, "big") + payload + bytes(room - len(payload))
