"""The fault proxy does what it is told: its faults are what other tests prove the store against."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault_proxy import HEALTHY, FaultProxy, Faults


class Echo:
    """A server that says what it hears, and remembers how much it was. At a client's end it says `bye`."""

    def __init__(self, listening: socket.socket) -> None:
        self.listening = listening
        self.heard = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while piece := connection.recv(4096):
                    self.heard += len(piece)
                    connection.sendall(piece)
                connection.sendall(b"bye")
            except OSError:
                return


@pytest.fixture
def echo() -> Iterator[Echo]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Echo(listening)
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with FaultProxy(echo.listening.getsockname()) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        assert said(client, b"first") == b"first"
        yield client


def said(client: socket.socket, piece: bytes) -> bytes:
    """What comes back for `piece`; `TimeoutError` when nothing does."""
    client.sendall(piece)
    return client.recv(4096)


def is_refused(proxy: FaultProxy) -> bool:
    """Whether a new connection comes to nothing."""
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as new:
            return said(new, b"x") == b""
    except ConnectionError:
        return True


def test_a_healthy_proxy_forwards_both_ways_and_the_end_too(client: socket.socket) -> None:
    assert said(client, b"x" * 1000) != b""
    client.shutdown(socket.SHUT_WR)
    rest = b""
    while piece := client.recv(4096):
        rest += piece
    assert rest.endswith(b"bye")


def test_it_forwards_to_a_unix_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        Echo(listening)
        with (
            FaultProxy(tmp_path / "s") as proxy,
            socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client,
        ):
            assert said(client, b"hello") == b"hello"
        listening.shutdown(socket.SHUT_RDWR)


def test_refusing_resets_open_connections_and_new_ones(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.faults = Faults(refusing=True)
    with pytest.raises(ConnectionError):
        client.recv(1)
    assert is_refused(proxy)
    proxy.faults = HEALTHY
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as new:
        assert said(new, b"again") == b"again"


def test_a_connection_is_reset_after_so_many_bytes(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.faults = Faults(reset_after=10)  # five were said before
    assert said(client, b"four") == b"four"
    with pytest.raises(ConnectionError):
        said(client, b"more")


def test_a_half_closed_connection_says_nothing_and_still_listens(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    proxy.faults = Faults(half_closed=True)
    assert client.recv(1) == b""
    client.sendall(b"still here")
    for _ in range(1000):
        if echo.heard == len(b"first" + b"still here"):
            break
        threading.Event().wait(0.01)
    assert echo.heard == len(b"first" + b"still here")


def test_what_is_swallowed_never_arrives_and_nobody_is_told(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    proxy.faults = Faults(swallowing=True)
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        said(client, b"lost")
    proxy.faults = HEALTHY
    with pytest.raises(TimeoutError):  # the stream has a hole: it is not joined together again
        said(client, b"lost too")
    assert echo.heard == len(b"first")


def test_latency_holds_back_and_loses_nothing(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.faults = Faults(latency=0.3)
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        said(client, b"slow")
    client.settimeout(10)
    assert client.recv(4096) == b"slow"
