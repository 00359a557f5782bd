"""The profiles that SPEC.md §9.10 lists are those of the package."""

from __future__ import annotations

from pathlib import Path

from cityledger.profiles import registry

SPEC = Path(__file__).resolve().parents[3] / "contracts/SPEC.md"


def test_profiles_are_those_of_the_spec() -> None:
    section = SPEC.read_text("utf-8").split("### 9.10 Profiles")[1]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [_row(name) for name in registry.names()]


def _row(name: str) -> str:
    profile = registry.get(name)
    parts = ", ".join(
        f"`{part.name}` e={part.padding}" + (" binary" if part.is_binary else "") for part in profile.parts
    )
    return f"| `{name}` | {parts} | `0x{profile.schema_digest.hex()}` |"
