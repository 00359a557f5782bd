"""``cityledger token``."""

from __future__ import annotations

from cityledger.cli.client_options import CredentialsOption, NodeOption, connected
from cityledger.cli.output import JsonOption, print_fields


def command(
    node: NodeOption = None, credentials: CredentialsOption = None, as_json: JsonOption = False
) -> None:
    """Print an access token, good for 15 minutes at most, for use with other programs.

    Example: `cityledger token --credentials reader.json`

    With curl: `curl -H "Authorization: Bearer $(cityledger token)" -H "Cityledger-Purpose: OWN_DUTY" …`.
    How to write the file: `cityledger whoami --help`.
    """
    with connected(node, credentials, None) as client:
        secret = client.token()
    if as_json:
        print_fields({"token": secret}, as_json=True)
    else:
        print(secret)
