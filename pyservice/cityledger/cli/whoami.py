"""``cityledger whoami`` and ``cityledger token``: sign in, and print as whom, or the access token."""

from __future__ import annotations

from cityledger.cli.arguments import shown_moment
from cityledger.cli.client_options import SIGN_IN_HELP, CredentialsOption, NodeOption, TokenOption, connected
from cityledger.cli.output import JsonOption, print_fields


def whoami(
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    with connected(node, credentials, token) as client:
        session = client.whoami()
    fields: dict[str, object] = {
        "agency": session.agency,
        "role": session.role,
        "officer": session.officer,
        "account": session.account,
        "system": session.system,
        "credentialUntil": session.credential_until if as_json else shown_moment(session.credential_until),
        "expiresAt": session.expires_at if as_json else shown_moment(session.expires_at),
    }
    print_fields(fields, as_json=as_json)


whoami.__doc__ = f"""Sign in, and print as which officer or system.

Example: `cityledger whoami --node https://health.example --credentials reader.json`
{SIGN_IN_HELP}"""


def token(
    node: NodeOption = None, credentials: CredentialsOption = None, as_json: JsonOption = False
) -> None:
    """Print an access token, valid for 15 minutes at most, for use with other programs.

    Example: `cityledger token --credentials reader.json`

    With curl: `curl -H "Authorization: Bearer $(cityledger token)" -H "Cityledger-Purpose: OWN_DUTY" …`.
    The form of the credentials file: `cityledger whoami --help`.
    """
    with connected(node, credentials, None) as client:
        secret = client.token()
    if as_json:
        print_fields({"token": secret}, as_json=True)
    else:
        print(secret)
