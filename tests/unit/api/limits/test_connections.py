from __future__ import annotations

from cityledger.api.limits.connections import Connections
from cityledger.settings.networks import parse_networks


class Connection:
    def __init__(self) -> None:
        self.is_dropped = False

    def drop(self) -> None:
        self.is_dropped = True

    def expire(self, now: float) -> None:
        pass


def admitted(connections: Connections, address: str) -> Connection:
    made = Connection()
    assert connections.admit(made, address)
    return made


def test_the_connection_that_waited_longest_gives_its_place() -> None:
    connections = Connections(2, 2)
    first, second = admitted(connections, "192.0.2.1"), admitted(connections, "192.0.2.2")

    third = admitted(connections, "192.0.2.3")

    assert [one.is_dropped for one in (first, second, third)] == [True, False, False]
    assert len(connections) == 2


def test_a_connection_with_a_request_keeps_its_place() -> None:
    connections = Connections(2, 2)
    first, second = admitted(connections, "192.0.2.1"), admitted(connections, "192.0.2.2")
    connections.is_busy(first)

    admitted(connections, "192.0.2.3")

    assert (first.is_dropped, second.is_dropped) == (False, True)


def test_a_connection_that_waits_again_is_the_last_to_go() -> None:
    connections = Connections(2, 2)
    first, second = admitted(connections, "192.0.2.1"), admitted(connections, "192.0.2.2")
    connections.is_busy(first)
    connections.waits(first)

    admitted(connections, "192.0.2.3")

    assert (first.is_dropped, second.is_dropped) == (False, True)


def test_no_place_is_left_where_all_have_requests() -> None:
    connections = Connections(1, 1)
    connections.is_busy(admitted(connections, "192.0.2.1"))

    assert not connections.admit(Connection(), "192.0.2.2")
    assert len(connections) == 1


def test_address_at_its_limit_uses_only_its_own_places() -> None:
    connections = Connections(10, 2)
    other = admitted(connections, "192.0.2.2")
    mine = [admitted(connections, "192.0.2.1") for _ in range(3)]

    assert [one.is_dropped for one in (other, *mine)] == [False, True, False, False]


def test_a_trusted_proxy_has_no_limit_of_its_own() -> None:
    connections = Connections(10, 1, parse_networks("10.0.0.0/8"))
    mine = [admitted(connections, "10.0.0.7") for _ in range(5)]

    assert not any(one.is_dropped for one in mine)


def test_a_forgotten_connection_leaves_its_place() -> None:
    connections = Connections(1, 1)
    first = admitted(connections, "192.0.2.1")
    connections.is_busy(first)

    connections.forget(first)
    connections.forget(first)
    connections.waits(first)
    admitted(connections, "192.0.2.1")

    assert not first.is_dropped
    assert len(connections) == 1
