"""A SIWE message whose URI was ``https://evil.test/phish`` signed in, if it had the node's domain; and each
node of the default domain accepted proofs of possession for ``http://localhost:8053``, wherever seen.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cityledger.api.context import NodeContext
from cityledger.client.credentials.statements import sign_siwe_message
from cityledger.errors import ConfigurationError
from cityledger.settings import FILE_NAME, load_settings
from cityledger.settings.own_machine import is_own_machine
from cityledger.settings.showing import overview
from support.node.node_fixture import TestNode

NOT_HERE = "URI must have the scheme, host and port"
REFUSED: dict[str, tuple[str, str, str]] = {
    "another host": ("URI: http://city.test", "URI: https://evil.test/phish", NOT_HERE),
    "another port": ("URI: http://city.test", "URI: http://city.test:8443", NOT_HERE),
    "another scheme": ("URI: http://city.test", "URI: ftp://city.test", NOT_HERE),
    "no scheme": ("URI: http://city.test", "URI: //city.test", "SIWE: "),
    "a script": ("URI: http://city.test", "URI: javascript:alert(1)", NOT_HERE),
    "an account before the host": ("URI: http://city.test", "URI: http://city.test@evil.test", NOT_HERE),
    "an account at the host": ("URI: http://city.test", "URI: http://a@city.test", NOT_HERE),
    "a subdomain": ("URI: http://city.test", "URI: http://city.test.evil.test", NOT_HERE),
    "localhost": ("URI: http://city.test", "URI: http://localhost:8053", NOT_HERE),
    "127.0.0.1": ("URI: http://city.test", "URI: http://127.0.0.1:8053", NOT_HERE),
    "a scheme of the domain": ("city.test wants", "ftp://city.test wants", "scheme of the domain"),
    "another version": ("Version: 1", "Version: 2", "SIWE: "),
    "no chain id": ("Chain ID: 31337\n", "", "SIWE: "),
    "not valid yet": (
        "Resources:",
        "Not Before: 2099-01-01T00:00:00Z\nResources:",
        "not valid yet",
    ),
    "an expiry without offset": ("Z\nResources:", "\nResources:", "SIWE: "),
    "a word of a later version": (
        "- cityledger:agency",
        "- cityledger:delegate:7\n- cityledger:agency",
        "is not supported by this version",
    ),
    "a tab in a resource": ("- cityledger:agency", "- urn:x\ty\n- cityledger:agency", "printable ASCII"),
}
ACCEPTED = {
    "as it is": ("Version: 1", "Version: 1"),
    "https": ("URI: http://city.test", "URI: https://city.test"),
    "a path of the node": ("URI: http://city.test", "URI: http://city.test/v1/token"),
    "capitals": ("URI: http://city.test", "URI: http://CITY.test"),
    "the node's port": ("URI: http://city.test", "URI: http://city.test:8053"),
    "a scheme of the domain": ("city.test wants", "https://city.test wants"),
    "a request id": ("Resources:", "Request ID: some-request\nResources:"),
    "resources of others": ("- cityledger:agency", "- https://city.test/terms\n- cityledger:agency"),
    "a time before": ("Resources:", "Not Before: 2020-01-01T00:00:00Z\nResources:"),
}


def ask(node: TestNode, old: str, new: str) -> tuple[int, str]:
    nonce = node.client.get("/v1/siwe/nonce").json()["nonce"]
    form = node.siwe_form("LAND", "steward", nonce)
    assert form["message"].count(old) >= 1, form["message"]
    message = form["message"].replace(old, new, 1)
    signature = sign_siwe_message(message, node.account("LAND", "steward"))
    answer = node.client.post("/v1/token", data={**form, "message": message, "signature": signature})
    return answer.status_code, answer.text


@pytest.mark.parametrize("name", REFUSED)
def test_a_message_for_another_address_is_refused(node: TestNode, name: str) -> None:
    old, new, part = REFUSED[name]
    status, text = ask(node, old, new)
    assert status == 401, text
    assert part in text


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_message_for_this_node_is_accepted(node: TestNode, name: str) -> None:
    status, text = ask(node, *ACCEPTED[name])
    assert status == 200, text


@pytest.mark.parametrize("statement", ["pay \u202ereviled", "Zhōngguó", "a\x00b", "a\x7fb"])
def test_a_statement_that_shows_otherwise_than_it_reads_is_refused(node: TestNode, statement: str) -> None:
    status, text = ask(node, "\n\n\nURI", f"\n\n{statement}\n\nURI")
    assert status == 401, text
    assert "printable ASCII" in text


def with_domain(node: TestNode, domain: str) -> NodeContext:
    return replace(node.context, settings=replace(node.context.settings, domain=domain))


@pytest.mark.parametrize("name", ["localhost:8053", "127.0.0.1:8053", "[::1]:8053", "localhost"])
def test_a_proof_for_every_machines_own_name_is_valid_at_no_named_node(node: TestNode, name: str) -> None:
    assert not {f"http://{name}", f"https://{name}"} & with_domain(node, "land.city.test").origins
    assert f"http://{name}" in with_domain(node, "localhost").origins or name != "localhost:8053"


def test_nodes_of_two_domains_share_no_origin(node: TestNode) -> None:
    first, second = (with_domain(node, name).origins for name in ("land.city.test", "health.city.test"))
    assert not first & second


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1"])  # noqa: S104 - not bound
def test_where_a_node_listens_is_none_of_its_origins(node: TestNode, host: str) -> None:
    """Many nodes listen at 0.0.0.0, and each machine reaches itself by it."""
    settings = replace(node.context.settings, domain="land.city.test", host=host, port=8053)
    names = {"land.city.test", "land.city.test:8053"}
    expected = {f"{scheme}://{name}" for scheme in ("http", "https") for name in names}
    assert replace(node.context, settings=settings).origins == expected


SETTINGS = f"""
database_url = "sqlite:///node.db"
rpc_url = "http://127.0.0.1:9"
chain_id = 31337
manifest = "deployment.json"
keyring = "keyring"
operator = "0x{"11" * 20}"
host = "%s"
domain = "%s"
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "node.city.test"])  # noqa: S104 - not bound
@pytest.mark.parametrize("domain", ["localhost", "127.0.0.1", "[::1]:8053", "LOCALHOST:8053", "a.localhost"])
def test_a_node_that_others_reach_needs_a_name_of_its_own(tmp_path: Path, host: str, domain: str) -> None:
    (tmp_path / FILE_NAME).write_text(SETTINGS % (host, domain))

    assert any("domain must be the node's own name" in one for one in overview(tmp_path, {}).wrong)
    with pytest.raises(ConfigurationError, match="domain must be the node's own name"):
        load_settings(tmp_path, {})


def test_serve_with_another_host_needs_it_too(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(SETTINGS % ("127.0.0.1", "localhost"))
    with pytest.raises(ConfigurationError, match="domain must be the node's own name"):
        replace(load_settings(tmp_path, {}), host="0.0.0.0")  # noqa: S104 - as api_context does


@pytest.mark.parametrize(
    "name", ["city.test", "localhost.evil.test", "127.0.0.1.evil.test", "10.0.0.1", "[::2]"]
)
def test_other_names_are_not_the_machine_itself(name: str) -> None:
    assert not is_own_machine(name)
