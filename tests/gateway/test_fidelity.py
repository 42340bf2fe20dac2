"""What goes through the gateway is what was sent, to the byte, apart from what a proxy must change."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from authrecord.record import Record
from tests.gateway.conftest import authorization, token_of
from tests.gateway.stage import Gateway, Taken, Upstream

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]

TARGETS = (
    b"/p%20q/%2e%2e//x/../y;a=1?q=%27%00&z",
    b"/",
    b"//evil.example/x",
    b"/?",
    b"/a?b?c&&=&d==",
    b"/%C3%A9/%zz/%",
    b"/caf\xc3\xa9?x=\xff",
    b"/x?url=http://a/b#".removesuffix(b"#"),
    b"/'\"<>`{}|^\\[]",
    b"/" + b"a" * 8000,
)


@pytest.mark.parametrize("target", TARGETS)
def test_path_and_query_arrive_to_the_byte(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, target: bytes
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    assert (
        through.ask(b"GET %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n$\r\n\r\n" % (target, through.port)).status
        == 200
    )
    assert api.taken[0].line == b"GET %b HTTP/1.1" % target


def test_headers_arrive_in_their_order_and_case_with_their_repetitions_and_spaces(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    record = bearer(api.url)
    through = gateway(api.url, record)
    sent = [
        b"X-B: 1",
        b"x-a:no space",
        b"X-B:   2  ",
        b"x_under: 1",
        b'Cookie: a=1; b="2"',
        b"Cookie: c=3",
        b"Range: bytes=0-1,5-",
        b'If-None-Match: W/"a", "b"',
        b"X-Latin: caf\xe9 \x80\xff",
        b"X-Empty:",
        b"Accept-Encoding: gzip, br;q=0.1",
        b"!#$%&'*+-.^_`|~: token",
        b"X-Forwarded-For: 1.2.3.4",
        b"Referer: http://a/?q",
    ]
    through.ask(b"\r\n".join([b"GET / HTTP/1.1", b"hOST: 127.0.0.1:%d" % through.port, *sent, b"$\r\n\r\n"]))
    taken = api.taken[0]
    assert taken.lines[:-1] == [b"hOST: " + api.host.encode(), *sent]
    assert authorization(taken) == [token_of(record)]


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "FOO", "M-SEARCH", "QUERY")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_passes_with_its_body(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, method: str
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    head = (
        f"{method} /x HTTP/1.1\r\nHost: localhost:{through.port}\r\ncontent-length: 5\r\n$\r\n\r\n".encode()
    )
    assert through.ask(head + b"\x00\xff\r\n1").status == 200
    assert api.taken[0].line == f"{method} /x HTTP/1.1".encode()
    assert api.taken[0].body == b"\x00\xff\r\n1"
    assert b"content-length: 5" in api.taken[0].lines


@pytest.mark.parametrize("size", [0, 1, 2, 1000, 65_535, 65_536, 1_048_577, 9_000_000])
def test_bodies_of_every_size_pass_both_ways_with_a_length_and_in_chunks(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, size: int
) -> None:
    body = bytes(number * 7 % 251 for number in range(min(size, 4096))) * (size // 4096 + 1)
    body = body[:size]
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces(body)) + b"0\r\n\r\n"

    def reply(taken: Taken) -> bytes:
        if taken.line.startswith(b"GET /chunked"):
            return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, body)

    api = upstream(reply=reply)
    through = gateway(api.url, bearer(api.url))
    host = b" HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n$\r\n" % through.port
    assert through.ask(b"GET /sized" + host + b"\r\n").body == body
    assert through.ask(b"GET /chunked" + host + b"\r\n").body == body
    through.ask(b"POST /" + host + b"Content-Length: %d\r\n\r\n" % size + body)
    assert api.taken[-1].body == body
    through.ask(b"POST /" + host + b"Transfer-Encoding: chunked\r\n\r\n" + chunked)
    assert api.taken[-1].values("transfer-encoding") == ["chunked"]
    assert unchunked(api.taken[-1].body) == body


def pieces(body: bytes) -> list[bytes]:
    """Pieces of odd sizes."""
    found, position, step = [], 0, 1
    while position < len(body):
        found.append(body[position : position + step])
        position += step
        step = step * 3 % 70_001 + 1
    return found


def unchunked(data: bytes) -> bytes:
    """A body out of its chunks."""
    parts: list[bytes] = []
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line, 16)
        if not size:
            return b"".join(parts)
        parts.append(data[:size])
        data = data[size + 2 :]


ANSWERS = (
    (200, b"OK", [b"Content-Type: application/json"], gzip.compress(b"{}" * 500)),
    (200, b"", [b"Set-Cookie: a=1; Path=/", b"set-cookie: b=2", b"SET-COOKIE: c=3; HttpOnly"], b"x"),
    (206, b"Partial Content", [b"Content-Range: bytes 0-0/2"], b"x"),
    (201, b"Created", [b"Location: /orders/1", b"X-Odd:  spaced   value ", b"x_under: 1"], b""),
    (302, b"Found", [b"Location: https://other.example/?a=%27&b=1"], b"moved"),
    (404, b"Nichts da \xe4", [b"Content-Type: text/html; charset=utf-16"], b"\xff\xfe<\x00"),
    (503, b"Service Unavailable", [b"Retry-After: 7"], b"later"),
    (418, b"I'm a teapot", [b'Warning: 199 - "x"', b'Warning: 299 - "y"'], b"short and stout"),
)


@pytest.mark.parametrize(
    "answer", ANSWERS, ids=[str(one[0]) + one[1].decode("latin-1")[:5] for one in ANSWERS]
)
def test_answers_arrive_as_they_were_given(
    upstream: Make,
    gateway: MakeGateway,
    bearer: MakeRecord,
    answer: tuple[int, bytes, list[bytes], bytes],
) -> None:
    status, reason, lines, body = answer
    head = [b"HTTP/1.1 %d %b" % (status, reason), *lines, b"content-LENGTH: %d" % len(body)]
    api = upstream(reply=lambda taken: b"\r\n".join(head) + b"\r\n\r\n" + body)
    through = gateway(api.url, bearer(api.url))
    told = through.ask(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n$\r\n\r\n" % through.port)
    assert told.head == b"\r\n".join(head)
    assert told.body == body


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("HEAD", 404), ("GET", 204), ("GET", 304), ("POST", 204)]
)
def test_G17_answers_without_a_body_end_at_their_head_and_the_connection_goes_on(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, method: str, status: int
) -> None:
    length = b"Content-Length: 77\r\n" if method == "HEAD" or status == 304 else b""
    api = upstream(reply=lambda taken: b'HTTP/1.1 %d X\r\n%bETag: "a"\r\n\r\n' % (status, length))
    through = gateway(api.url, bearer(api.url))
    with through.connect() as caller:
        for _ in range(3):
            caller.send(f"{method} / HTTP/1.1\r\nHost: 127.0.0.1:{through.port}\r\n$\r\n\r\n".encode())
            told = caller.answer(method.encode())
            assert (told.status, told.values("content-length")) == (status, ["77"] if length else [])
    assert api.connections == 1


def test_interim_answers_pass_and_an_old_client_gets_none(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    api = upstream(reply=lambda taken: hints + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
    through = gateway(api.url, bearer(api.url))
    with through.connect() as caller:
        caller.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n$\r\n\r\n" % through.port)
        assert caller.head() + b"\r\n\r\n" == hints
        assert caller.head().startswith(b"HTTP/1.1 200")
    with through.connect() as caller:
        caller.send(b"GET / HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n$\r\n\r\n" % through.port)
        assert caller.head().startswith(b"HTTP/1.1 200")


def test_an_http_1_0_client_gets_an_unsized_body_up_to_the_end_of_the_connection(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream(
        reply=lambda taken: (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
    )
    through = gateway(api.url, bearer(api.url))
    told = through.ask(b"GET / HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n$\r\n\r\n" % through.port)
    assert told.body == b"abcde"
    assert told.values("transfer-encoding") == []


def test_an_answer_that_ends_with_its_connection_passes(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    def serve(connection: object, server: Upstream) -> None:
        from tests.gateway.stage import take_request

        assert hasattr(connection, "sendall")
        taken, _ = take_request(connection)  # type: ignore[arg-type]  # it is the socket that the stage hands over
        assert taken is not None
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")

    api = upstream(serve=serve)
    through = gateway(api.url, bearer(api.url))
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n$\r\n\r\n" % through.port
    with through.connect() as caller:
        assert [caller.ask(request).body, caller.ask(request).body] == [b"until the end"] * 2


def test_pipelined_requests_are_answered_in_their_order(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream(
        reply=lambda taken: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(taken.line), taken.line)
    )
    through = gateway(api.url, bearer(api.url))
    host = b" HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n$\r\n" % through.port
    with through.connect() as caller:
        caller.send(
            b"GET /1" + host + b"\r\nPOST /2" + host + b"Content-Length: 3\r\n\r\nabcGET /3" + host + b"\r\n"
        )
        bodies = [caller.answer().body for _ in range(3)]
    assert bodies == [b"GET /1 HTTP/1.1", b"POST /2 HTTP/1.1", b"GET /3 HTTP/1.1"]
    assert api.taken[1].body == b"abc"


def test_a_request_that_comes_byte_by_byte_is_the_same_request(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    with through.connect() as caller:
        request = b"POST /slow HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % through.port
        request += b"X-Authrecord-Token: " + through.password.encode()
        request += b"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        for number in range(len(request)):
            caller.socket.sendall(request[number : number + 1])
        assert caller.answer().status == 200
    assert unchunked(api.taken[0].body) == b"hello"
