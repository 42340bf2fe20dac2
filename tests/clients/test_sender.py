"""C rows: what the sender of token requests does with servers that behave badly."""

from __future__ import annotations

import gzip
import multiprocessing
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authrecord.clients.sender import TokenSender
from authrecord.core.errors import BadAnswer, RecordFault, TryLater
from authrecord.core.messages import Request
from authrecord.core.secret import Secret
from tests.canary_watch import Canary

from .sending import nothing_told, token_request
from .server import Reply, Server, redirect
from .sockets import listening, read_request


def test_a_token_request_arrives_as_it_was_meant(canary: Canary, own: Server, send: TokenSender) -> None:
    secret = canary("client secret")
    own.routes["/token"] = lambda _: Reply(200, b'{"a": 1}', {"Content-Type": "application/json"})
    before = time.time()
    answer = send(
        token_request(
            own.origin + "/token?tenant=1", secret, query=(("x", "y z"),), headers=(("X-Own", "1"),)
        )
    )
    assert (answer.status, answer.body, answer.header("content-type")) == (
        200,
        b'{"a": 1}',
        "application/json",
    )
    assert before <= answer.sent_at <= time.time()
    assert 0 < answer.sent_monotonic <= time.monotonic()
    arrived = own.arrived[0]
    assert (arrived.method, arrived.target) == ("POST", "/token?tenant=1&x=y%20z")
    assert arrived.body == f"grant_type=client_credentials&client_secret={secret}".encode()
    assert arrived.values("accept-encoding") == ["identity"]
    assert arrived.values("content-type") == ["application/x-www-form-urlencoded"]
    assert arrived.values("x-own") == ["1"]
    assert arrived.values("host") == [own.origin.removeprefix("http://")]


def test_the_connection_is_kept(own: Server, send: TokenSender) -> None:
    for _ in range(3):
        assert send(token_request(own.origin)).status == 200
    assert {each.connection for each in own.arrived} == {1}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_C10_C11_a_redirect_is_returned_as_it_is_and_never_followed(
    canary: Canary, own: Server, foreign: Server, send: TokenSender, status: int
) -> None:
    own.routes["/token"] = redirect(status, foreign.origin + "/steal")
    answer = send(token_request(own.origin + "/token", canary("client secret")))
    assert (answer.status, answer.header("location")) == (status, foreign.origin + "/steal")
    assert foreign.arrived == []


def test_C30_no_cookie_is_kept(own: Server, send: TokenSender) -> None:
    own.routes["/"] = lambda _: Reply(200, b"{}", {"Set-Cookie": "session=1; Path=/"})
    send(token_request(own.origin + "/"))
    send(token_request(own.origin + "/"))
    assert own.arrived[1].values("cookie") == []


def test_C6_an_endless_answer_is_cut_at_the_cap(own: Server, send: TokenSender) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 65536

    own.routes["/"] = lambda _: Reply(200, chunks=endless)
    tracemalloc.start()
    with pytest.raises(BadAnswer) as caught:
        send(token_request(own.origin + "/"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "too_large"
    assert peak < 4 * 1024 * 1024
    assert send(token_request(own.origin + "/fine")).status == 200


def test_C6_an_answer_that_declares_a_gigabyte_is_refused(send: TokenSender) -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        for _ in range(40):
            connection.sendall(b" " * 65536)

    with listening(handle) as port, pytest.raises(BadAnswer, match="1048576"):
        send(token_request(f"http://127.0.0.1:{port}/"))


def test_C7_a_compressed_answer_is_refused_unread(own: Server, send: TokenSender) -> None:
    own.routes["/"] = lambda _: Reply(200, gzip.compress(b"0" * 10_000_000), {"Content-Encoding": "gzip"})
    with pytest.raises(BadAnswer) as caught:
        send(token_request(own.origin + "/"))
    assert caught.value.code == "encoded"


def drips_head(connection: socket.socket) -> None:
    read_request(connection)
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 400:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drips_body(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n")
    for _ in range(400):
        connection.sendall(b" ")
        time.sleep(0.05)


def says_nothing(connection: socket.socket) -> None:
    read_request(connection)
    connection.recv(1)


def keeps_silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


@pytest.mark.parametrize("handle", [drips_head, drips_body, says_nothing])
def test_C8_the_whole_call_has_one_deadline(canary: Canary, handle: Callable[[socket.socket], None]) -> None:
    secret = canary("client secret")
    sender = TokenSender(clock=time, deadline=0.4)
    with listening(handle) as port:
        with pytest.raises(TryLater, match="did not answer in time") as caught:
            sender(token_request(f"http://127.0.0.1:{port}/", secret))
        assert caught.value.outcome_unknown
        assert nothing_told(caught.value, secret)
        sender.close()


def test_C8_a_tls_handshake_that_never_ends_is_cut() -> None:
    sender = TokenSender(clock=time, deadline=0.4)
    with (
        listening(keeps_silent) as port,
        pytest.raises(TryLater, match="no connection") as caught,
    ):
        sender(token_request(f"https://127.0.0.1:{port}/"))
    assert not caught.value.outcome_unknown


def test_C9_a_reset_after_the_request_leaves_the_outcome_unknown(canary: Canary, send: TokenSender) -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    secret = canary("client secret")
    with listening(handle) as port, pytest.raises(TryLater) as caught:
        send(token_request(f"http://127.0.0.1:{port}/", secret))
    assert (caught.value.outcome_unknown, caught.value.code) == (True, "network")
    assert nothing_told(caught.value, secret)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"]
)
def test_an_answer_that_is_not_http_or_is_cut_short_leaves_the_outcome_unknown(
    send: TokenSender, answer: bytes
) -> None:
    def handle(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    with listening(handle) as port, pytest.raises(TryLater) as caught:
        send(token_request(f"http://127.0.0.1:{port}/"))
    assert caught.value.outcome_unknown


def test_a_refused_connection_is_said_and_its_outcome_is_known(
    canary: Canary, own: Server, send: TokenSender
) -> None:
    secret = canary("client secret")
    own.close()
    with pytest.raises(
        TryLater, match=r"no connection to http://127\.0\.0\.1:\d+ \(Connection refused\)"
    ) as caught:
        send(token_request(own.origin + "/", secret, query=(("k", Secret(secret)),)))
    assert not caught.value.outcome_unknown
    assert nothing_told(caught.value, secret)


def test_a_name_without_an_address_is_said(send: TokenSender) -> None:
    with pytest.raises(TryLater, match=r"no connection to http://nowhere\.invalid") as caught:
        send(token_request("http://nowhere.invalid/"))
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("value", ["a\r\nb", "a\x00", "ü€"])
def test_D2_a_header_that_http_cannot_carry_is_refused_without_its_value(
    canary: Canary, own: Server, send: TokenSender, value: str
) -> None:
    secret = canary("client secret")
    with pytest.raises(RecordFault) as caught:
        send(token_request(own.origin + "/", headers=(("Authorization", Secret("Basic " + secret + value)),)))
    assert nothing_told(caught.value, secret)
    assert own.arrived == []


@pytest.mark.parametrize(
    "url", ["ftp://as.example/", "//as.example", "https://u:p@as.example/", "https://a\\@b/"]
)
def test_D7_D8_D9_an_odd_url_is_refused_without_being_shown(send: TokenSender, url: str) -> None:
    with pytest.raises(RecordFault) as caught:
        send(token_request(url))
    assert url not in str(caught.value)


def test_E9_the_environments_proxy_and_netrc_are_not_used(
    own: Server, foreign: Server, send: TokenSender, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login u password p\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, foreign.origin)
    send(token_request(own.origin + "/"))
    assert (len(own.arrived), foreign.arrived) == (1, [])
    assert own.arrived[0].values("authorization") == []


def test_E9_a_proxy_is_used_when_it_is_given(own: Server, foreign: Server) -> None:
    sender = TokenSender(clock=time, proxy=foreign.origin)
    assert sender(token_request(own.origin + "/token")).status == 200
    assert [each.target for each in foreign.arrived] == [own.origin + "/token"]
    sender.close()


def _ask(port: int, results: Any) -> None:
    results.put(SHARED(token_request(f"http://127.0.0.1:{port}/")).status)


SHARED = TokenSender(clock=time)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork_the_parents_connections_are_left_alone(own: Server) -> None:
    assert SHARED(token_request(own.origin + "/")).status == 200
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_ask, args=(own.port, results))
    child.start()
    child.join(20)
    assert (child.exitcode, results.get()) == (0, 200)
    results.close()
    assert SHARED(token_request(own.origin + "/")).status == 200
    assert [each.connection for each in own.arrived] == [1, 2, 1]
    SHARED.close()


def test_threads_share_one_sender(own: Server, send: TokenSender) -> None:
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(send(token_request(own.origin + "/")).status))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert statuses == [200] * 16


@pytest.mark.parametrize(
    "proxy", ["nonsense", "socks5://127.0.0.1:1080", "http://:8080", "http://127.0.0.1:99999"]
)
def test_a_proxy_that_is_no_http_url_is_refused_without_showing_it(proxy: str, own: Server) -> None:
    sender = TokenSender(clock=time, proxy=proxy)
    with pytest.raises(RecordFault) as caught:
        sender(Request("GET", own.origin + "/"))
    assert caught.value.code == "proxy"
    assert proxy not in str(caught.value)
    assert own.arrived == []
