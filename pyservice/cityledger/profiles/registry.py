"""The profiles of this version, by name."""

from __future__ import annotations

from cityledger.errors import NotFoundError
from cityledger.profiles.medical import MEDICAL
from cityledger.profiles.parking import PARKING
from cityledger.profiles.profile import Profile
from cityledger.profiles.property import PROPERTY

_PROFILES = {profile.name: profile for profile in (MEDICAL, PROPERTY, PARKING)}


def names() -> tuple[str, ...]:
    return tuple(_PROFILES)


def find(name: str) -> Profile | None:
    return _PROFILES.get(name)


def get(name: str) -> Profile:
    """The profile of that name.

    Raises:
        NotFoundError: this version does not have the profile.
    """
    profile = find(name)
    if profile is None:
        raise NotFoundError("profile")
    return profile
