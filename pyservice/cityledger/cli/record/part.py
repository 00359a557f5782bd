"""``cityledger record get --output``: one part of a record into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cityledger.cli.output import print_fields
from cityledger.cli.record.import_progress import receiving

if TYPE_CHECKING:
    from cityledger.client import AccessContext, Client
    from cityledger.types import DatasetId


def write_part(
    client: Client,
    dataset: DatasetId,
    record: str,
    part: str,
    context: AccessContext,
    output: Path,
    *,
    version: int | None,
    as_json: bool,
) -> None:
    """Writes the part once all of it has arrived, and prints its length."""
    with receiving(None) as received:
        length = client.get_part(
            dataset, record, part, context, to=output, version=version, received=received
        )
    print_fields({"part": part, "bytes": length, "file": str(output)}, as_json=as_json)
