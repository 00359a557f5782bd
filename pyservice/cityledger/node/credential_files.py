"""Credentials of readers and writers of a hosted agency, as private files. For trials: unencrypted."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.client.credentials.file import FORMAT
from cityledger.sealing.private_files import make_private_directory, write_private_file


def write_credentials(
    folder: Path, code: str, key: ec.EllipticCurvePrivateKey, devnet_state: Path | None, port: int
) -> None:
    """A key file and a credentials file for a reader and for a writer, in ``folder``. They name the node that
    listens at ``port`` of this machine, unless that is 0, which is a free one each time.
    """
    make_private_directory(folder)
    write_private_file(folder / key_file_name(code), pem_of(key))
    for role in ("reader", "writer"):
        credentials = {
            "format": FORMAT,
            "agency": code,
            "officer": f"{role}-1",
            "role": role,
            "system": "command line",
            "credentialKey": key_file_name(code),
        }
        if port:
            credentials["node"] = f"http://127.0.0.1:{port}"
        if devnet_state is not None:
            credentials["devnetState"] = str(devnet_state.resolve())
        write_private_file(folder / f"{code}-{role}.json", json.dumps(credentials, indent=1).encode() + b"\n")


def key_file_name(code: str) -> str:
    return f"{code}.pem"


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The private key in PEM, without a passphrase."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
