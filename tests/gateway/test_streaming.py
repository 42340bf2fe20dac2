"""Streams, upgrades and slow ends: nothing is collected, whoever reads slowly slows the other end down."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable

import pytest

from authrecord.record import Record
from tests.gateway.conftest import authorization, token_of
from tests.gateway.stage import Gateway, Upstream, take_request

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]
MIB = 1024 * 1024


def head(through: Gateway, *lines: str, method: str = "GET") -> bytes:
    return "\r\n".join(
        [f"{method} /x HTTP/1.1", f"Host: 127.0.0.1:{through.port}", "$", *lines, "", ""]
    ).encode()


def websocket(connection: socket.socket, server: Upstream) -> None:
    """Takes the upgrade, and echoes bytes until the other side ends."""
    taken, rest = take_request(connection)
    assert taken is not None
    server.taken.append(taken)
    lines = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    connection.sendall(lines + b"Sec-WebSocket-Accept: abc\r\n\r\nfirst" + rest)
    while data := connection.recv(65536):
        connection.sendall(data)


def test_O11_a_websocket_passes_with_the_credential_on_its_first_request(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream(serve=websocket)
    record = bearer(api.url)
    through = gateway(api.url, record)
    with through.connect() as caller:
        caller.send(
            head(
                through, "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"
            )
        )
        told = caller.answer()
        assert (told.status, told.values("sec-websocket-accept")) == (101, ["abc"])
        assert (told.values("upgrade"), told.values("connection")) == (["websocket"], ["Upgrade"])
        assert caller.take(5) == b"first"
        frames = bytes(range(256)) * 2000
        sender = threading.Thread(target=caller.socket.sendall, args=(frames,))
        sender.start()
        assert caller.take(len(frames)) == frames
        sender.join()
    taken = api.taken[0]
    assert authorization(taken) == [token_of(record)]
    assert (taken.values("upgrade"), taken.values("connection")) == (["websocket"], ["Upgrade"])


def test_a_websocket_that_the_upstream_ends_ends_at_the_caller(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    def serve(connection: socket.socket, server: Upstream) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nlast")

    api = upstream(serve=serve)
    through = gateway(api.url, bearer(api.url))
    with through.connect() as caller:
        caller.send(head(through, "Connection: Upgrade", "Upgrade: websocket"))
        caller.head()
        assert caller.rest() == b"last"


def test_an_upgrade_that_nobody_asked_for_is_502(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream(
        reply=lambda taken: b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nevil"
    )
    through = gateway(api.url, bearer(api.url))
    assert through.ask(head(through)).status == 502


def grown(before: int) -> float:
    """MiB by which the process has grown."""
    return (peak() - before) / 1024


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_O16_a_slow_reader_slows_the_upstream_down_and_nothing_piles_up(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, framing: str
) -> None:
    size = 64 * MIB
    sent: list[int] = []

    def serve(connection: socket.socket, server: Upstream) -> None:
        take_request(connection)
        block = b"x" * MIB
        if framing == "sized":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        else:
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            block = b"100000\r\n" + block + b"\r\n"
        for _ in range(64):
            connection.sendall(block)
            sent.append(1)
        if framing == "chunked":
            connection.sendall(b"0\r\n\r\n")

    api = upstream(serve=serve)
    through = gateway(api.url, bearer(api.url))
    with through.connect() as caller:
        caller.send(head(through))
        before = peak()
        time.sleep(0.7)
        # What two pairs of socket buffers and our own hold; the rest waits at the upstream.
        assert len(sent) < 32
        taken = 0
        caller.head()
        while taken < size:
            taken += len(caller.take(MIB))
        assert grown(before) < 16
    assert len(sent) == 64


def test_O16_a_slow_upstream_slows_the_caller_down_and_nothing_piles_up(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    size = 64 * MIB
    go_on = threading.Event()
    got: list[int] = []

    def serve(connection: socket.socket, server: Upstream) -> None:
        rest = b""
        while b"\r\n\r\n" not in rest:
            rest += connection.recv(65536)
        assert go_on.wait(20)
        count = len(rest.partition(b"\r\n\r\n")[2])
        while count < size:
            count += len(connection.recv(MIB))
        got.append(count)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    api = upstream(serve=serve)
    through = gateway(api.url, bearer(api.url))
    sent: list[int] = []
    with through.connect() as caller:

        def send() -> None:
            caller.send(head(through, f"Content-Length: {size}", method="POST"))
            block = b"x" * MIB
            for _ in range(64):
                caller.socket.sendall(block)
                sent.append(1)

        before = peak()
        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(0.7)
        assert len(sent) < 32
        go_on.set()
        sender.join()
        assert caller.answer().status == 200
    assert got == [size]
    assert grown(before) < 16


def test_a_body_that_starts_before_the_upstream_is_there_waits(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    body = b"y" * (5 * MIB)
    with through.connect() as caller:
        sender = threading.Thread(
            target=caller.send, args=(head(through, f"Content-Length: {len(body)}", method="PUT") + body,)
        )
        sender.start()
        assert caller.answer().status == 200
        sender.join()
    assert api.taken[0].body == body


def test_an_answer_that_breaks_off_breaks_off_at_the_caller_too(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    def serve(connection: socket.socket, server: Upstream) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        time.sleep(0.2)

    api = upstream(serve=serve)
    through = gateway(api.url, bearer(api.url))
    with through.connect() as caller:
        caller.send(head(through))
        caller.head()
        assert caller.rest() == b"3\r\nabc\r\n"


def test_an_idle_connection_that_the_upstream_closed_costs_a_get_nothing(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    def serve(connection: socket.socket, server: Upstream) -> None:
        taken, _ = take_request(connection)
        if taken is not None:
            connection.sendall(server.reply(taken))
            take_request(connection)  # and close, without an answer

    api = upstream(serve=serve)
    through = gateway(api.url, bearer(api.url))
    with through.connect() as caller:
        assert caller.ask(head(through)).status == 200
        assert caller.ask(head(through)).status == 200
        assert caller.ask(head(through, "Content-Length: 0", method="POST")).status == 502


def test_an_upstream_that_is_not_there_is_502_and_says_so(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    through = gateway(url, bearer(url))
    told = through.ask(head(through))
    assert (told.status, told.values("x-authrecord-error")) == (502, ["connect_failed"])


def test_a_caller_that_sends_its_head_too_slowly_is_cut_and_others_are_served(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authrecord.gateway.caller.HEAD_SECONDS", 0.5)
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    slow = [through.connect() for _ in range(50)]
    for one in slow:
        one.socket.sendall(b"GET / HTTP/1.1\r\nX: ")
    assert through.ask(head(through)).status == 200
    assert {one.answer().status for one in slow} == {408}
    for one in slow:
        one.socket.close()
