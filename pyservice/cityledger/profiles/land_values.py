"""Values that titles and transactions have in common: money and areas."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cityledger.profiles.fields import Element, Number

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 code."""


class Area(Element):
    """[LA_AreaValue]"""

    value: Annotated[Number, Field(gt=0)]
    unit: Literal["m2", "ha", "mu"]
    kind: Literal["officialArea", "surveyedArea", "calculatedArea"] = "officialArea"


class Amount(Element):
    value: Annotated[Number, Field(gt=0)]
    currency: Currency


class Price(Element):
    """The price paid; 0 if nothing was paid, as between relatives."""

    value: Annotated[Number, Field(ge=0)]
    currency: Currency
