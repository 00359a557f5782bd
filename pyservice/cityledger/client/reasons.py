"""What a read is for."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.types import AgencyId


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody asks, as each read must say: the purpose's name, the case, and the agency that the caller
    acts for, if any."""

    purpose: str
    case: str = ""
    represents: AgencyId | None = None

    def headers(self) -> dict[str, str]:
        told = {"Cityledger-Purpose": self.purpose}
        if self.case:
            told["Cityledger-Case"] = self.case
        if self.represents is not None:
            told["Cityledger-Represents"] = str(self.represents)
        return told


OWN_DUTY = Reason("OWN_DUTY")
"""The provider works on its own records."""
