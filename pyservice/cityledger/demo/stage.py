"""The environment of the story: the city, its running node, and a client for each actor."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.client import Client
from cityledger.client.credentials.file import FORMAT
from cityledger.client.credentials.sign_in import AssertionCredentials, SiweCredentials
from cityledger.demo.city import City
from cityledger.demo.datasets import dataset
from cityledger.demo.people import Person, people
from cityledger.node.serving import ServedNode
from cityledger.types import DatasetId, Role

SEED = 20_200_101
PEOPLE = 40
OFFICERS = {Role.READER: "officer-7", Role.WRITER: "registry-system"}


@dataclass
class Stage:
    """``client_of`` signs in as a reader or writer of an agency, ``steward_of`` as its on-chain steward."""

    city: City
    served: ServedNode
    random: Random = field(default_factory=lambda: Random(SEED))  # noqa: S311 - made-up people, no secret
    records: dict[str, list[str]] = field(default_factory=dict)
    """Provider ids that were written, by dataset path."""
    _clients: dict[tuple[str, Role], Client] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.people: tuple[Person, ...] = people(self.random, PEOPLE)

    @property
    def url(self) -> str:
        return self.served.url

    def dataset_id(self, path: str) -> DatasetId:
        return self.city.datasets[path]

    def provider_of(self, path: str) -> str:
        return dataset(path).provider

    def client_of(self, code: str, role: Role = Role.READER) -> Client:
        if (code, role) not in self._clients:
            credentials = AssertionCredentials(code, OFFICERS[role], role, "demo", self._credential_key(code))
            self._clients[code, role] = self._open.enter_context(Client(self.url, credentials))
        return self._clients[code, role]

    def steward_of(self, code: str) -> Client:
        if (code, Role.STEWARD) not in self._clients:
            credentials = SiweCredentials(self.city.account_of(code), self.city.agencies[code])
            self._clients[code, Role.STEWARD] = self._open.enter_context(Client(self.url, credentials))
        return self._clients[code, Role.STEWARD]

    def write_tokens(self) -> None:
        """Writes a fresh token of every actor into a file, for the copy-paste commands."""
        folder = self.city.folder / "tokens"
        folder.mkdir(mode=0o700, exist_ok=True)
        for (code, role), client in list(self._clients.items()):
            _write_private(folder / f"{code}-{role.name.lower()}", client.token())

    def write_credentials(self) -> None:
        """Writes a credentials file for a reader and a writer of every agency, for the command line."""
        for code in self.city.agencies:
            for role, officer in OFFICERS.items():
                members = {
                    "format": FORMAT,
                    "agency": code,
                    "officer": officer,
                    "role": role.name.lower(),
                    "system": "demo",
                    "credentialKey": f"{code}.pem",
                    "node": self.url,
                }
                self.credentials(code, role).write_text(json.dumps(members, indent=2))

    def credentials(self, code: str, role: Role = Role.READER) -> Path:
        """The file that signs in as a reader or writer of an agency."""
        return self.city.folder / "credentials" / f"{code}-{role.name.lower()}.json"

    def curl(self, code: str, path: str, purpose: str, *options: str, role: Role = Role.READER) -> str:
        """A command that repeats the last step of the story over plain HTTP."""
        token = self.city.folder / "tokens" / f"{code}-{role.name.lower()}"
        words = [
            "curl -s",
            *options,
            f'-H "Authorization: Bearer $(cat {token})"',
            f"-H 'Cityledger-Purpose: {purpose}'",
            f"'{self.url}{path}'",
        ]
        return " ".join(words)

    def close(self) -> None:
        self._open.close()

    def _credential_key(self, code: str) -> ec.EllipticCurvePrivateKey:
        pem = (self.city.folder / "credentials" / f"{code}.pem").read_bytes()
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the demo writes EC keys only")
        return key


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
