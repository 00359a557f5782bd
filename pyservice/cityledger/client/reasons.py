"""What a read is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody asks, as each read must say: the purpose's name, and the case, if any."""

    purpose: str
    case: str = ""

    def headers(self) -> dict[str, str]:
        said = {"Cityledger-Purpose": self.purpose}
        if self.case:
            said["Cityledger-Case"] = self.case
        return said


OWN_DUTY = Reason("OWN_DUTY")
"""The provider works on its own records."""
