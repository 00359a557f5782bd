"""Rows of imports into the datasets of a node, and what the node stores of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.imports.import_fixture import ImportDesk
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

STREETS = ("Xidan North Street", "Chang'an Avenue", "Fuxing Road")


def title(street: str) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(json.dumps(TITLE_RECORD["parts"]))
    parts["title"]["address"]["street"] = street
    return parts


def put(id_: str, street: str = STREETS[0], act: str = "put") -> dict[str, Any]:
    return {"id": id_, "act": act, "parts": title(street)}


def delete(id_: str) -> dict[str, Any]:
    return {"id": id_, "act": "delete"}


def street_of(desk: ImportDesk, id_: str) -> str | None:
    newest = desk.newest(id_)[id_]
    return json.loads(newest.parts["title"])["address"]["street"] if newest.parts else None


def visit(id_: str, *subjects: object) -> dict[str, Any]:
    return {"id": id_, "parts": TREATMENT_RECORD["parts"], "subjects": list(subjects)}


def person(value: str) -> dict[str, str]:
    return {"system": "urn:mrn", "value": value}


def list_objects(node: TestNode) -> list[str]:
    folder = Path(node.context.settings.keyring).parent / "objects"
    return [str(path) for path in folder.rglob("*") if path.is_file()]
