from collections.abc import Iterator

import jsonschema
import pytest

from cityledger.profiles import registry
from cityledger.profiles.profile import canonical_bytes
from cityledger.profiles.schema_documents import documents

DIGESTS = {
    "medical": "2a724544c02e6cf5b436a77e2a19f8ec2df3f6f87236c4863dd3090c4c5ea0d8",
    "property": "47e646f8345e1153b260c502e148f34dbe2d71de083ade031d73f5de6401998c",
    "parking": "75839f66aad779eb4429b7754066e59d16698c77ec488613d64e1adf7b5e597a",
}


@pytest.mark.parametrize("name", registry.names())
def test_checked_in_document_says_what_the_models_say(name: str) -> None:
    """If this fails after an upgrade of pydantic, compare by hand before running make_profile_schemas."""
    assert registry.get(name).schema == documents()[name]


@pytest.mark.parametrize("name", registry.names())
def test_digest_stays(name: str) -> None:
    """The digest is in every leaf that was ever anchored: a new one here is a new version of the profile."""
    assert registry.get(name).schema_digest.hex() == DIGESTS[name]


@pytest.mark.parametrize("name", registry.names())
def test_document_is_a_json_schema_with_one_canonical_form(name: str) -> None:
    schema = registry.get(name).schema
    jsonschema.Draft202012Validator.check_schema(schema)
    assert canonical_bytes(schema).isascii()
    assert not any(isinstance(value, float) for value in leaves(schema))


def leaves(value: object) -> Iterator[object]:
    match value:
        case dict():
            for inner in value.values():
                yield from leaves(inner)
        case list():
            for inner in value:
                yield from leaves(inner)
        case _:
            yield value
