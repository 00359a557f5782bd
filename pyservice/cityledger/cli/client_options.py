"""Options and steps that all commands against a node share: where it is, who asks, and what for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cityledger.errors import NotFoundError

if TYPE_CHECKING:
    from cityledger.client import AccessContext, Client
    from cityledger.settings import ClientSettings
    from cityledger.types import DatasetId

SIGN_IN_HELP = """
Sign in with `--credentials FILE`, a JSON file that is kept as private as the keys it names. For an officer or
system that an agency vouches for:

    {"format": "cityledger-credentials/1", "agency": "HEALTH", "officer": "dr.chen", "role": "reader",
     "system": "ward-3", "credentialKey": "health.pem", "proofKey": "ward-3.pem", "node": "https://health.example"}

`role` is reader or writer; the keys are PEM files on P-256, found from the file's folder; `proofKey` and
`node` may be left out. For an officer on chain: `{"format": "cityledger-credentials/1", "agency": 7,
"account": "steward.json"}` with a V3 keystore, and `"passwordFile"`, without which the passphrase is asked
for. `"devnetState"` names a devnet's state file, whose clock is then followed.
"""

NodeOption = Annotated[
    str | None,
    typer.Option("--node", help="URL of the node.  [default: the credentials file's, else the settings']"),
]
CredentialsOption = Annotated[
    Path | None,
    typer.Option("--credentials", help="File that says who signs in.  [default: the settings']"),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", envvar="CITYLEDGER_TOKEN", help="An access token instead of credentials."),
]
WaitOption = Annotated[
    str, typer.Option(help="How long to wait until its batch is mined, such as 90s; 0: not at all.")
]
PurposeOption = Annotated[
    str, typer.Option("--purpose", help="What the record is for, e.g. TREATMENT or OWN_DUTY.")
]
CaseOption = Annotated[
    str, typer.Option("--case", help="The case at hand; its digest goes into the receipt.")
]
DatasetArgument = Annotated[
    str, typer.Argument(metavar="DATASET", help="HEALTH/treatment/outpatient/visits, or its 0x-hex id.")
]
RecordArgument = Annotated[
    str, typer.Argument(metavar="RECORD", help="The provider's own id, or the record's 0x-hex id.")
]


def connected(node: str | None, credentials: Path | None, token: str | None) -> Client:
    """A client of the node, signed in by token or credentials, else for the directory only. What no option
    says is in the settings: CITYLEDGER_NODE, CITYLEDGER_CREDENTIALS, or the table ``[client]``.

    Raises:
        ConfigurationError: the settings or the credentials file are missing or say something wrong.
    """
    from cityledger.cli.chain_options import ask_passphrase
    from cityledger.client import Client, Retries, load_credentials

    settings = client_settings()
    how: Any = {
        "timeout_seconds": settings.timeout_seconds,
        "retries": Retries(budget_seconds=settings.retry_seconds),
    }
    where = node or os.environ.get("CITYLEDGER_NODE")
    signs_in = credentials or settings.credentials
    if token is not None or signs_in is None:
        return Client(where or settings.node, token=token, **how)
    loaded = load_credentials(signs_in, ask_passphrase)
    return Client(where or loaded.node or settings.node, loaded.credentials, now=loaded.now, **how)


def client_settings() -> ClientSettings:
    """Those of the current folder, or of the one in CITYLEDGER_FOLDER."""
    from cityledger.settings import load_client_settings

    return load_client_settings(Path(os.environ.get("CITYLEDGER_FOLDER", "")), os.environ)


def access_context(purpose: str, case: str) -> AccessContext:
    from cityledger.client import AccessContext

    return AccessContext(purpose, case)


def dataset_named(client: Client, text: str) -> DatasetId:
    """The dataset ``CODE/duty/entry/dataset``, of that 0x-hex id, or of that short name in the settings.

    Raises:
        NotFoundError: there is none.
    """
    from cityledger.cli.arguments import bytes32
    from cityledger.types import DatasetId

    if "/" not in text:
        text = client_settings().datasets.get(text, text)
    if text.startswith("0x"):
        return DatasetId(bytes32(text))
    code, _, path = text.partition("/")
    provider = client.agency(code).agency
    for dataset in client.catalog(provider=provider):
        if dataset.path == path:
            return dataset.dataset
    raise NotFoundError(f"dataset: {text}")
