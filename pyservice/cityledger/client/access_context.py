"""The purpose and case of a request."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.keccak import keccak
from cityledger.types import ZERO32


@dataclass(frozen=True, slots=True)
class AccessContext:
    """The context that each read must state: the purpose's name, and the case, if any."""

    purpose: str
    case: str = ""

    @property
    def case_digest(self) -> bytes:
        """The case as a receipt contains it: keccak of its UTF-8, 0 for none."""
        return keccak(self.case.strip().encode()) if self.case else ZERO32

    def headers(self) -> dict[str, str]:
        headers = {"Cityledger-Purpose": self.purpose}
        if self.case:
            headers["Cityledger-Case"] = self.case
        return headers


OWN_DUTY = AccessContext("OWN_DUTY")
"""The provider works on its own records."""
