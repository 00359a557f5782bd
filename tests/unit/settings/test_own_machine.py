from __future__ import annotations

import pytest

from cityledger.settings.own_machine import local_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8640"),
        ("0.0.0.0", "http://127.0.0.1:8640"),  # noqa: S104 - nothing listens
        ("::1", "http://[::1]:8640"),
        ("::", "http://[::1]:8640"),
        ("land.city.test", "http://land.city.test:8640"),
    ],
)
def test_local_url_is_one_that_this_machine_reaches(host: str, url: str) -> None:
    assert local_url(host, 8640) == url
