"""The address of a served node; ``tests/integration/test_node_process.py`` shows that it serves."""

import socket

import pytest

from cityledger.api.limits.guarded_server import listen
from cityledger.errors import ConfigurationError
from cityledger.settings.own_machine import local_url

pytestmark = pytest.mark.loopback(reason="it listens")


def test_listen_takes_a_free_port_and_tells_how_to_reach_it() -> None:
    with listen("0.0.0.0", 0) as everywhere:  # noqa: S104
        port = everywhere.getsockname()[1]
        assert local_url("0.0.0.0", port) == f"http://127.0.0.1:{port}"  # noqa: S104


def test_listen_says_what_to_do_when_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}: .*--port"):
            listen("127.0.0.1", port)


def test_listen_lets_answers_go_at_once() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
