from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import SealingError
from cityledger.sealing.padding import (
    COUNT_BYTES,
    LARGEST_PADDING,
    ROOM_BYTES,
    SMALLEST_PADDING,
    Unpadding,
    frames,
    padded_bytes,
)

MIB = 1 << 20
paddings = st.integers(SMALLEST_PADDING, LARGEST_PADDING)


@pytest.mark.parametrize(
    ("length", "padding", "padded"),
    [
        (0, 9, 512),
        (512, 9, 512),
        (513, 9, 2_048),
        (2_049, 9, 8_192),
        (8_193, 13, 32_768),
        (MIB, 16, MIB),
        (600_000, 13, 655_360),  # the next step would be 2 MiB
        (MIB + 1, 13, MIB + MIB // 8),
        (10 * MIB, 9, 10 * MIB),
        (10 * MIB + 1, 9, 11 * MIB),
    ],
)
def test_padded_bytes_of_known_lengths(length: int, padding: int, padded: int) -> None:
    assert padded_bytes(length, padding) == padded


@given(length=st.integers(0, 1 << 40), padding=paddings)
def test_padded_bytes_hold_the_payload_and_cost_what_is_stated(length: int, padding: int) -> None:
    padded = padded_bytes(length, padding)

    assert padded >= max(length, 1 << padding)
    assert padded <= max(1 << padding, 4 * length)
    if length > MIB:
        assert 8 * padded <= 9 * length + 8
    assert padded_bytes(padded, padding) == padded


@given(length=st.integers(0, 1 << 40), more=st.integers(0, 1 << 20), padding=paddings)
def test_padded_bytes_never_shrink_as_the_payload_grows(length: int, more: int, padding: int) -> None:
    assert padded_bytes(length + more, padding) >= padded_bytes(length, padding)


@given(length=st.integers(0, 1 << 30), padding=paddings)
def test_padded_bytes_are_few(length: int, padding: int) -> None:
    """Eight a doubling above 1 MiB, and below it what the steps of four give and the last eighths."""
    padded = padded_bytes(length, padding)
    assert bin(padded).rstrip("0").count("1") <= 4


def _open(plain: list[bytes], padding: int = 9) -> bytes:
    unpadding = Unpadding(padding)
    payload = b"".join(unpadding.take(frame) for frame in plain)
    unpadding.finish()
    return payload


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, ROOM_BYTES, ROOM_BYTES + 1, 3 * ROOM_BYTES, 700_000])
@pytest.mark.parametrize("step", [977, ROOM_BYTES, 300_000])
def test_frames_give_back_the_payload_whatever_the_chunks(length: int, step: int) -> None:
    payload = (bytes(range(256)) * (length // 256 + 1))[:length]
    made = list(frames((payload[at : at + step] for at in range(0, length, step)), 9))

    assert [(number, is_last) for number, is_last, _ in made] == [
        (number, number == len(made) - 1) for number in range(len(made))
    ]
    assert sum(len(frame) - COUNT_BYTES for _, _, frame in made) == padded_bytes(length, 9)
    assert _open([frame for _, _, frame in made]) == payload


FULL = ROOM_BYTES.to_bytes(COUNT_BYTES, "big") + b"x" * ROOM_BYTES
ZEROS = bytes(COUNT_BYTES + ROOM_BYTES)
WRONG = {
    "an empty frame after a full one": [FULL, bytes(COUNT_BYTES)],
    "payload after padding": [ZEROS, FULL],
    "payload after a frame that was not full": [
        (1).to_bytes(COUNT_BYTES, "big") + b"x" + bytes(ROOM_BYTES - 1),
        FULL,
    ],
    "a whole frame of padding too many": [FULL, ZEROS, ZEROS],
    "a full frame without the padding that its length requires": [FULL],
}


@pytest.mark.parametrize("plain", WRONG.values(), ids=WRONG)
def test_unpadding_refuses_any_other_form_of_a_payload(plain: list[bytes]) -> None:
    with pytest.raises(SealingError, match="padd"):
        _open(plain)


@given(st.binary(min_size=COUNT_BYTES + 1, max_size=600), paddings)
def test_unpadding_takes_a_frame_only_in_the_form_in_which_it_would_be_made(
    frame: bytes, padding: int
) -> None:
    try:
        payload = _open([frame], padding)
    except SealingError:
        return
    assert [made for _, _, made in frames([payload], padding)] == [frame]
