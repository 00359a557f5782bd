from __future__ import annotations

import pytest

from cityledger.key_sources.pkcs11_uri import PIN_VARIABLE
from support.node.security_module import PIN, SoftToken, soft_tokens


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> SoftToken:
    monkeypatch.setenv(PIN_VARIABLE, PIN)
    return soft_tokens()[0]


@pytest.fixture
def locked_token() -> SoftToken:
    return soft_tokens()[1]
