import json

import pytest

from cityledger.profiles import registry
from cityledger.profiles.record_body import parse_body
from cityledger.profiles.samples import sample_of


@pytest.mark.parametrize("name", registry.names())
def test_sample_is_a_record_that_its_profile_takes(name: str) -> None:
    content = parse_body(json.dumps(sample_of(name)).encode(), max_bytes=65_536)
    registry.get(name).validate(content.parts)
    assert content.parts
