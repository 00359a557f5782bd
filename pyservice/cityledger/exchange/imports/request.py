"""The caller of an import, its purpose and options: stored with the job, because rows are decided later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cityledger.errors import FieldError
from cityledger.exchange.access import Intent
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Format
from cityledger.store.sessions.tokens import Session
from cityledger.types import Action, Address, AgencyId, Role, purpose_from_name, purpose_name

_NOT_THE_SENDERS = frozenset({"profile"})


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """``dry_run``: check and compare every row, and write none."""

    options: ImportOptions
    dry_run: bool = False


def verify_options(format_: Format, options: ImportOptions) -> None:
    """Refuses what the format does not support, so that no option is ignored silently.

    Raises:
        FieldError: names the option.
    """
    for name in _given(options):
        if name not in format_.supported_options:
            accepted = ", ".join(map(_api_name, sorted(format_.supported_options))) or "no options"
            raise FieldError(
                _api_name(name), f"format {format_.name} does not support this; it accepts {accepted}"
            )


def request_to_json(request: ImportRequest) -> str:
    """Canonical: the same options are the same text."""
    given = {**_given(request.options), **({"dry_run": True} if request.dry_run else {})}
    return json.dumps(given, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def options_of(request: ImportRequest) -> dict[str, Any]:
    """The options that were given, without ``dry_run``."""
    return _given(request.options)


def request_from_json(text: str) -> ImportRequest:
    given: dict[str, Any] = json.loads(text)
    dry_run = bool(given.pop("dry_run", False))
    skipped = tuple(given.pop("skip_columns", ()))
    return ImportRequest(ImportOptions(**given, skip_columns=skipped), dry_run)


def caller_to_json(session: Session, intent: Intent) -> str:
    """The caller without the token: what the rules need."""
    return json.dumps(
        {
            "agency": session.agency,
            "role": int(session.role),
            "officer": session.officer,
            "account": session.account,
            "system": session.system,
            "credential_until": session.credential_until,
            "expires_at": session.expires_at,
            "epoch": session.epoch,
            "credential_key": None if session.credential_key is None else session.credential_key.hex(),
            "purpose": purpose_name(intent.purpose),
            "case": intent.case,
            "represents": intent.represents,
        }
    )


def caller_from_json(text: str) -> tuple[Session, Intent]:
    stored = json.loads(text)
    key = stored["credential_key"]
    session = Session(
        agency=AgencyId(stored["agency"]),
        role=Role(stored["role"]),
        officer=stored["officer"],
        account=None if stored["account"] is None else Address(stored["account"]),
        system=stored["system"],
        credential_until=stored["credential_until"],
        expires_at=stored["expires_at"],
        epoch=stored["epoch"],
        credential_key=None if key is None else bytes.fromhex(key),
    )
    purpose = purpose_from_name(stored["purpose"])
    return session, Intent(Action.WRITE, purpose, stored["case"], AgencyId(stored["represents"]))


def _api_name(name: str) -> str:
    """The name of an option in the API."""
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


def _given(options: ImportOptions) -> dict[str, Any]:
    """The options that differ from saying nothing."""
    nothing = ImportOptions()
    names = [one.name for one in fields(options) if one.name not in _NOT_THE_SENDERS]
    given = {name: getattr(options, name) for name in names}
    return {name: _plain(value) for name, value in given.items() if value != getattr(nothing, name)}


def _plain(value: Any) -> Any:
    """The value in JSON's types; columns that are skipped are a set, so they come sorted."""
    if isinstance(value, tuple):
        return sorted(set(value))
    return dict(value) if isinstance(value, Mapping) else value
