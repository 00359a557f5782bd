"""Tokens of SoftHSM (Debian's softhsm2) in the place of a security module; tests skip without it."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType
from pkcs11.exceptions import UserAlreadyLoggedIn
from pkcs11.util.ec import encode_named_curve_parameters

_PLACES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "57-09"


@dataclass(frozen=True, slots=True)
class SoftToken:
    """One token. The library reads its configuration once a process, so all tests share one folder."""

    module: str
    label: str

    def uri(self, label: str, extra: str = "") -> str:
        return f"pkcs11:token={self.label};object={label}?module-path={self.module}{extra}"


@cache
def soft_tokens() -> tuple[SoftToken, SoftToken]:
    """Two fresh tokens, "city" and "locked"; no test signs in to the second. Made once, because the library
    reads its configuration and its tokens once a process."""
    module = next((place for place in _PLACES if Path(place).exists()), None)
    tool = shutil.which("softhsm2-util")
    if module is None or tool is None:
        pytest.skip("SoftHSM is not installed (Debian: apt-get install softhsm2)")
    _configure(Path(tempfile.mkdtemp(prefix="softhsm-")))
    for label in ("city", "locked"):
        words = ["--init-token", "--free", "--label", label, "--so-pin", "1234", "--pin", PIN]
        subprocess.run([tool, *words], check=True, capture_output=True)
    return SoftToken(module, "city"), SoftToken(module, "locked")


def _configure(folder: Path) -> None:
    """For this process and for those that it starts."""
    (folder / "tokens").mkdir()
    text = f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    (folder / "softhsm2.conf").write_text(text)
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def make_account(token: SoftToken, label: str, curve: str = "1.3.132.0.10") -> None:
    """A key pair in the token, on secp256k1 unless another curve is named."""
    attributes = {Attribute.EC_PARAMS: encode_named_curve_parameters(curve)}
    with _signed_in(token) as session:
        parameters = session.create_domain_parameters(KeyType.EC, attributes, local=True)
        parameters.generate_keypair(store=True, label=label)


def make_vault_key(token: SoftToken, label: str) -> None:
    """A key of AES-256 in the token."""
    with _signed_in(token) as session:
        session.generate_key(KeyType.AES, 256, store=True, label=label)


def _signed_in(token: SoftToken) -> Any:
    """A session that may write. Signing in holds for the whole process, so the code under test may have."""
    found = pkcs11.lib(token.module).get_token(token_label=token.label)
    try:
        return found.open(user_pin=PIN, rw=True)
    except UserAlreadyLoggedIn:
        return found.open(rw=True)
