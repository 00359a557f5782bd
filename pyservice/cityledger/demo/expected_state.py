"""The expected content of a dataset after an import, computed independently by the rules of imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cityledger.formats.rows import Act, Row
from cityledger.profiles.profile import Profile


@dataclass(frozen=True, slots=True)
class ExpectedVersion:
    """A version that a row should have made; without parts if the row withdrew its record."""

    provider_id: str
    version: int
    parts: Mapping[str, bytes]


@dataclass
class ExpectedState:
    """``newest`` has the parts of the newest version by provider id, empty if it is withdrawn."""

    profile: Profile
    versions: dict[str, int] = field(default_factory=dict)
    newest: dict[str, Mapping[str, bytes]] = field(default_factory=dict)

    def apply(self, row: Row, *, upsert: bool) -> ExpectedVersion | None:
        """The version that a row makes; None if it makes none. Rows must fit the profile."""
        stored = self.newest.get(row.provider_id)
        if row.act is Act.DELETE:
            return self._write(row.provider_id, {}) if stored else None
        if row.act is Act.CHANGE and not stored and not upsert:
            return None
        if stored and (row.act is Act.ADD or self._is_unchanged(stored, row.parts)):
            return None
        return self._write(row.provider_id, row.parts)

    def _write(self, name: str, parts: Mapping[str, bytes]) -> ExpectedVersion:
        self.versions[name] = self.versions.get(name, 0) + 1
        self.newest[name] = parts
        return ExpectedVersion(name, self.versions[name], parts)

    def _is_unchanged(self, stored: Mapping[str, bytes], parts: Mapping[str, bytes]) -> bool:
        if self.profile.instant_of is not None:
            then, now = self.profile.instant_of(stored), self.profile.instant_of(parts)
            if then is not None and now is not None and now < then:
                return True
        same = self.profile.is_same or (lambda old, new: dict(old) == dict(new))
        return same(stored, parts)
