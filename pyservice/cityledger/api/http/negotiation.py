"""The media types that a caller accepts (RFC 9110 §12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?", re.ASCII)
MAX_RANGES = 32


@dataclass(frozen=True, slots=True)
class Accepted:
    """The media ranges of ``Accept`` with their weights; without any, every media type is accepted."""

    ranges: tuple[tuple[str, float], ...]

    def weight_of(self, media_type: str) -> float:
        """The weight of a media type, 0 to 1: that of the most specific range that covers it."""
        if not self.ranges:
            return 1.0
        weights = dict(reversed(self.ranges))  # the first of equals counts
        kind = media_type.partition("/")[0]
        for wanted in (media_type, f"{kind}/*", "*/*"):
            if wanted in weights:
                return weights[wanted]
        return 0.0

    def names(self, media_type: str) -> bool:
        """Whether a media type is accepted by its full name, not only by a wildcard."""
        return any(wanted == media_type and weight > 0 for wanted, weight in self.ranges)


async def accepted(request: Request) -> Accepted:
    """The caller's ``Accept``. Malformed ranges are ignored, which RFC 9110 permits."""
    return read_accept(request.headers.getlist("accept"))


def read_accept(headers: Sequence[str]) -> Accepted:
    """The ranges of all ``Accept`` headers, at most 32 of them. Parameters other than q are ignored."""
    texts = ",".join(headers).split(",", MAX_RANGES)[:MAX_RANGES]
    return Accepted(tuple(one for one in map(_range, texts) if one is not None))


def _range(text: str) -> tuple[str, float] | None:
    media_type, *parameters = (piece.strip() for piece in text.lower().split(";"))
    if "/" not in media_type:
        return None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            quality = value.strip()
            return (media_type, float(quality)) if _QUALITY.fullmatch(quality) else None
    return media_type, 1.0


Wanted = Annotated[Accepted, Depends(accepted)]
