"""Checks the payloads of a record against its dataset's profile, once for each write."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cityledger.errors import FieldError
from cityledger.profiles import registry
from cityledger.store.index.queries import Dataset


def validate_parts(dataset: Dataset, parts: Mapping[str, bytes], streams: Collection[str] = ()) -> None:
    """Checks JSON parts together with the names of the binary ones.

    Raises:
        PayloadError, FieldError: they do not fit the dataset; names the field.
    """
    registry.get(dataset.profile).validate(parts, streams)
    unknown = {*parts, *streams} - set(dataset.part_names)
    if unknown:
        raise FieldError(
            f"parts.{min(unknown)}", f"is not a part of this dataset; it has {', '.join(dataset.part_names)}"
        )
