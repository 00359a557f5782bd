from __future__ import annotations

import pytest

from cityledger.errors import FieldError
from cityledger.store.sessions.revocation_objects import ListName, list_folder, list_key, parse_list_key
from cityledger.types import AgencyId

KEY = bytes(range(32))


def test_parse_list_key_is_the_inverse_of_list_key() -> None:
    name = list_key(AgencyId(53), KEY, 2**53 - 1)

    assert name == f"revocations/53/{KEY.hex()}/9007199254740991.jwt"
    assert name.startswith(list_folder(AgencyId(53), KEY))
    assert parse_list_key(name) == ListName(AgencyId(53), KEY, 2**53 - 1)


@pytest.mark.parametrize(
    "name",
    [
        f"revocations/0/{KEY.hex()}/1.jwt",
        f"revocations/053/{KEY.hex()}/1.jwt",
        f"revocations/53/{KEY.hex().upper()}/1.jwt",
        f"revocations/53/{KEY.hex()[:-2]}/1.jwt",
        f"revocations/4294967296/{KEY.hex()}/1.jwt",
        f"revocations/53/{KEY.hex()}/0.jwt",
        f"revocations/53/{KEY.hex()}/1.json",
        f"revocations/53/{KEY.hex()}/1.jwt\n",
        f"copies/revocations/53/{KEY.hex()}/1.jwt",
    ],
)
def test_parse_list_key_refuses_other_names(name: str) -> None:
    with pytest.raises(FieldError):
        parse_list_key(name)
