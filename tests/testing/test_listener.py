"""The server below the fakes: bursts, kept connections, junk, TLS, IPv6, and its end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
import trustme

from authrecord.testing import HonestServer
from tests.canary_watch import Canary
from tests.testing.raw import exchange, request


@pytest.fixture
def server(canary: Canary) -> Iterator[HonestServer]:
    with HonestServer(make_secret=canary.make) as one:
        yield one


def test_a_burst_of_a_thousand_connections_is_served(server: HonestServer) -> None:
    sent = request(server.api_url, headers=f"authorization: Bearer {server.issue_token()}\r\n")
    port = urlsplit(server.url).port

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return head[:12]

    async def all_at_once() -> list[bytes]:
        return list(await asyncio.gather(*(one() for _ in range(1000))))

    assert asyncio.run(all_at_once()) == [b"HTTP/1.1 200"] * 1000
    assert server.counters.api_ok == 1000


def test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order(server: HonestServer) -> None:
    once = request(server.url + "/echo?n=1", headers="") + request(server.url + "/echo?n=2", headers="")
    answer = exchange(server.url, once + request(server.url + "/echo?n=3"))
    assert answer.ended == "closed"
    assert answer.raw.count(b"HTTP/1.1 200") == 3
    places = [answer.raw.index(f"/echo?n={number}".encode()) for number in (1, 2, 3)]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "junk",
    [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"no http at all\r\n\r\n"],
)
def test_junk_is_refused_and_the_server_lives(server: HonestServer, junk: bytes) -> None:
    assert exchange(server.url, junk).status == 400
    assert exchange(server.url, request(server.url + "/echo")).status == 200


def test_a_head_has_the_length_and_no_body(server: HonestServer) -> None:
    answer = exchange(server.url, request(server.url + "/bytes/500", method="HEAD"))
    assert (answer.header("content-length"), answer.body) == ("500", b"")


def test_a_client_that_waits_for_100_is_told_to_go_on(server: HonestServer) -> None:
    head = request(
        server.url + "/echo", method="POST", headers="expect: 100-continue\r\ncontent-length: 2\r\n"
    )
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=5) as connection:
        connection.sendall(head)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(b"ok")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_numbers_that_are_none_do_not_break_it(server: HonestServer) -> None:
    answer = exchange(server.url, request(server.url + "/stream?chunks=many&pause=x"))
    assert answer.body.count(b"line ") == 10
    assert exchange(server.url, request(server.url + "/redirect?status=soon")).status == 302


def test_it_serves_https_with_the_certificate_that_it_is_given() -> None:
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with HonestServer(tls=serving) as server, httpx2.Client(verify=trusting, trust_env=False) as http:
        assert server.url.startswith("https://127.0.0.1:")
        assert http.get(server.url + "/echo").status_code == 200


def test_it_listens_on_ipv6_where_there_is_one() -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with HonestServer(host="::1") as server, httpx2.Client(trust_env=False) as http:
        assert server.url.startswith("http://[::1]:")
        assert http.get(server.url + "/echo").status_code == 200


def test_the_end_of_a_server_frees_its_port_and_may_be_asked_for_twice() -> None:
    server = HonestServer().start()
    port = urlsplit(server.url).port or 0
    with socket.create_connection(("127.0.0.1", port), timeout=5) as idle:
        server.stop()
        server.stop()
        assert idle.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_an_address_that_cannot_be_had_is_an_error_and_leaves_no_thread() -> None:
    with HonestServer() as taken, pytest.raises(OSError, match="address already in use"):
        HonestServer(port=urlsplit(taken.url).port or 0).start()
