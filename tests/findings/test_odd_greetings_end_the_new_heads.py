"""A WebSocket that answered the subscription with a number permanently ended the thread that listens."""

from __future__ import annotations

import threading

import pytest
from websockets.sync.server import ServerConnection, serve

from cityledger.chain.rpc import new_heads
from cityledger.chain.rpc.new_heads import NewHeads


def test_listening_goes_on_after_an_answer_that_is_no_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_heads, "FIRST_PAUSE_SECONDS", 0.01)
    answers = iter(["5", "null", '{"jsonrpc": "2.0", "id": 1, "result": "0x1"}'])
    connected, stop = threading.Event(), threading.Event()

    def answer(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(next(answers))
        connected.wait(60)

    def notify() -> None:
        if heads.is_up:
            connected.set()

    with serve(answer, "127.0.0.1", 0) as server:
        port = server.socket.getsockname()[1]
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        heads = NewHeads(f"ws://127.0.0.1:{port}", notify)
        listening = threading.Thread(target=heads.run, args=(stop,), daemon=True)
        listening.start()
        try:
            assert connected.wait(60)
        finally:
            connected.set()
            stop.set()
            listening.join()
            server.shutdown()
            serving.join()
