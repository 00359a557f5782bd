"""The port for metrics took any number of connections, each with a thread, for as long as a client liked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace

import httpx
import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest

from cityledger.metrics import serving
from cityledger.metrics.serving import MOST_CONNECTIONS, MOST_OF_AN_ADDRESS, MetricsServer
from support.node.node_fixture import TestNode
from support.node.served_node import ANSWER_SECONDS, received

HALF = b"GET /metrics HTTP/1.1\r\nHost: city.test\r\n"


@pytest.fixture
def served(node: TestNode) -> Iterator[MetricsServer]:
    settings = replace(node.context.settings, metrics_port=0, header_seconds=0.5, keep_alive_seconds=1)
    server = MetricsServer.start(settings, node.context.services.instruments)
    yield server
    server.close()


def _connect(server: MetricsServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), ANSWER_SECONDS)


def _scrape(server: MetricsServer) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}/metrics", timeout=ANSWER_SECONDS, trust_env=False)


def _refused(node: TestNode) -> str:
    return generate_latest(node.context.services.instruments.registry).decode()


def test_connections_are_limited_and_slow_ones_give_way(node: TestNode) -> None:
    settings = replace(node.context.settings, metrics_port=0, header_seconds=600)  # not closed for their time
    server = MetricsServer.start(settings, node.context.services.instruments)
    with closing(server), ExitStack() as stack:
        slow = [stack.enter_context(closing(_connect(server))) for _ in range(3 * MOST_CONNECTIONS)]
        for one in slow:
            one.sendall(HALF)

        assert _scrape(server).status_code == 200
        # All but the newest have lost their place.
        for one in slow[:-MOST_OF_AN_ADDRESS]:
            assert _is_closed(one)
    assert 'limit="connections"' in _refused(node)


def _is_closed(connection: socket.socket) -> bool:
    try:
        return received(connection) == b""
    except ConnectionResetError:
        return True


def test_half_a_request_is_ended_in_time(served: MetricsServer) -> None:
    with closing(_connect(served)) as connection:
        connection.sendall(HALF)
        assert received(connection).startswith(b"HTTP/1.1 408")


def test_a_huge_request_is_refused(served: MetricsServer) -> None:
    with closing(_connect(served)) as connection:
        try:
            connection.sendall(HALF + b"X: " + b"x" * 1_000_000)
            answer = received(connection)
        except (BrokenPipeError, ConnectionResetError):
            answer = b"HTTP/1.1 400"
        assert answer.startswith(b"HTTP/1.1 400")
    assert _scrape(served).status_code == 200


def test_a_body_that_does_not_come_holds_nothing(served: MetricsServer) -> None:
    with closing(_connect(served)) as connection:
        connection.sendall(HALF + b"Content-Length: 1000\r\nConnection: close\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 200")


def test_scrapes_wait_for_each_other_for_a_limited_time(
    served: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected, may_end = threading.Event(), threading.Event()

    def collect(_registry: CollectorRegistry) -> list[Metric]:
        collected.set()
        assert may_end.wait(ANSWER_SECONDS)
        return []

    with monkeypatch.context() as patched, ThreadPoolExecutor(1) as threads:
        patched.setattr(CollectorRegistry, "collect", collect)
        patched.setattr(serving, "WAIT_SECONDS", 0.1)
        first = threads.submit(_scrape, served)
        assert collected.wait(ANSWER_SECONDS)

        answer = _scrape(served)
        may_end.set()

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert first.result().status_code == 200
    assert _scrape(served).status_code == 200


def test_names_and_format_are_chosen_by_the_scraper(served: MetricsServer) -> None:
    url = f"http://127.0.0.1:{served.port}/metrics?name[]=cityledger_journal_group_pieces"
    answer = httpx.get(url, headers={"Accept": "application/openmetrics-text"}, trust_env=False)

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert "cityledger_refusals" not in answer.text


@pytest.mark.parametrize("accept", ["application/openmetrics-text;version=x", "text/plain;version=²"])
def test_a_version_that_is_not_one_raises_nothing(
    served: MetricsServer, caplog: pytest.LogCaptureFixture, accept: str
) -> None:
    url = f"http://127.0.0.1:{served.port}/metrics"
    answer = httpx.get(url, headers=[(b"Accept", accept.encode("latin-1"))], trust_env=False)

    assert (answer.status_code, answer.headers["content-type"][:10]) == (200, "text/plain")
    assert not [one for one in caplog.records if one.levelname == "ERROR"]
