"""200 slow connections and 24 half-sent bodies: a normal client is served, within twice its usual time."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from support.node.served_node import ANSWER_SECONDS, received, served_node
from support.node.slow_clients import BODIES, BODY_BYTES, CONNECTIONS, HALF_A_HEADER, compare, slow_clients

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LIMITS = {"record_limit_bytes": BODY_BYTES, "credential_body_memory_limit_bytes": 20_000_000}
TRIES = 5
"""A machine that is busy with something else is measured again; a node that is slow is slow each time."""


def test_a_normal_client_is_served_within_twice_its_usual_time(tmp_path: Path) -> None:
    with served_node(tmp_path, **LIMITS) as (node, client):
        ratios: list[float] = []
        for _ in range(TRIES):
            ratios.append(compare(node, client, rounds=4, requests=40).ratio)
            if ratios[-1] <= 2:
                break

        assert min(ratios) <= 2, ratios


def test_bodies_of_slow_clients_stay_within_their_memory(tmp_path: Path) -> None:
    with served_node(tmp_path, **LIMITS) as (node, client):
        with slow_clients(node, client) as opened:
            assert len(opened) == CONNECTIONS + BODIES
            text = generate_latest(node.context.services.instruments.registry).decode()
            assert client.get("/healthz").status_code == 200
        assert 'cityledger_refusals_total{limit="body-memory"}' in text


def test_each_slow_connection_is_closed_by_the_node(tmp_path: Path) -> None:
    with served_node(tmp_path, header_seconds=1.0) as (_node, client):
        place = (client.base_url.host, client.base_url.port)
        opened = [socket.create_connection(place, ANSWER_SECONDS) for _ in range(CONNECTIONS)]
        for one in opened:
            one.sendall(HALF_A_HEADER)

        answers = [received(one) for one in opened]

        assert {answer[9:12] for answer in answers} == {b"408"}
        assert client.get("/healthz").status_code == 200
        for one in opened:
            one.close()
