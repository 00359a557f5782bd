"""``cityledger whoami``."""

from __future__ import annotations

from cityledger.cli.arguments import shown_moment
from cityledger.cli.client_options import SIGN_IN_HELP, CredentialsOption, NodeOption, TokenOption, connected
from cityledger.cli.output import JsonOption, print_fields


def command(
    node: NodeOption = None,
    credentials: CredentialsOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    with connected(node, credentials, token) as client:
        told = client.whoami()
    fields: dict[str, object] = {
        "agency": told.agency,
        "role": told.role,
        "officer": told.officer,
        "account": told.account,
        "system": told.system,
        "credentialUntil": told.credential_until if as_json else shown_moment(told.credential_until),
        "expiresAt": told.expires_at if as_json else shown_moment(told.expires_at),
    }
    print_fields(fields, as_json=as_json)


command.__doc__ = f"""Sign in and tell as whom.

Example: `cityledger whoami --node https://health.example --credentials reader.json`
{SIGN_IN_HELP}"""
