"""What goes through Envoy is what was sent, to the byte, apart from what a proxy must change."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable

from authrecord.record import Record
from tests.gateway.conftest import authorization, token_of
from tests.gateway.envoy.stage import Make, request_for
from tests.gateway.stage import Taken, Upstream
from tests.gateway.test_fidelity import unchunked

MakeUpstream = Callable[..., Upstream]
MakeRecord = Callable[..., Record]

TARGETS = (
    "/p%20q/%2e%2e//x/../y;a=1?q=%27%00&z",
    "/",
    "//evil.example/x",
    "/?",
    "/a?b?c&&=&d==",
    "/%C3%A9/%zz/%",
    "/x?url=http://a/b",
    "/'\"<>`{}|^\\[]",
    "/" + "a" * 8000,
)


def test_path_and_query_arrive_to_the_byte(upstream: MakeUpstream, envoy: Make, bearer: MakeRecord) -> None:
    api = upstream()
    through = envoy(api.url, bearer(api.url))
    for target in TARGETS:
        assert through.get(target).status == 200, target
        assert api.taken[-1].line == f"GET {target} HTTP/1.1".encode()


def test_headers_arrive_in_their_order_and_case_with_their_repetitions(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    api = upstream()
    record = bearer(api.url)
    through = envoy(api.url, record)
    sent = (
        "X-B: 1", "x-A: 2", "X-B: 3", "x_under: 1", 'Cookie: a=1; b="2"', "Cookie: c=3", "Range: bytes=0-1,5-",
        'If-None-Match: W/"a", "b"', "X-Empty: ", "Accept-Encoding: gzip, br;q=0.1", "!#$%&'*+-.^_`|~: token",
        "X-Forwarded-For: 192.0.2.1", "Referer: http://a/?q", "X-Latin: caf\xe9",
    )  # fmt: skip
    assert through.get("/", *sent).status == 200
    taken = api.taken[0]
    assert authorization(taken) == [token_of(record)]
    arrived = sorted(
        line.strip() for line in taken.lines if not line.lower().startswith((b"authorization", b"host"))
    )
    assert arrived == sorted(line.strip().encode("latin-1") for line in sent)
    assert taken.values("x-b") == ["1", "3"]
    assert taken.values("host") == [api.host]


def test_answers_arrive_to_the_byte(upstream: MakeUpstream, envoy: Make, bearer: MakeRecord) -> None:
    packed = gzip.compress(b"{}" * 500)
    answers = [
        (200, b"OK", [b"Content-Type: application/json", b"Content-Encoding: gzip"], packed),
        (201, b"Created", [b"Location: /a?b", b"Set-Cookie: a=1", b"Set-Cookie: b=2", b"X-odd_Name: 1"], b"\x00"),
        (404, b"Not Found", [b"Server: mine", b"ETag: W/\"x\""], b""),
        (500, b"Internal Server Error", [b"X-Request-Id: 7"], b"broken"),
    ]  # fmt: skip
    at = iter(answers)

    def reply(taken: Taken) -> bytes:
        status, reason, lines, body = next(at)
        head = [b"HTTP/1.1 %d %b" % (status, reason), b"Date: Thu, 01 Jan 2026 00:00:00 GMT", *lines]
        return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", b""]) + body

    api = upstream(reply=reply)
    through = envoy(api.url, bearer(api.url))
    for status, _, lines, body in answers:
        told = through.get()
        assert (told.status, told.body) == (status, body)
        ours = {b"Date: Thu, 01 Jan 2026 00:00:00 GMT", b"Content-Length: %d" % len(body)}
        assert sorted(line for line in told.lines if line not in ours) == sorted(lines)


def test_bodies_pass_both_ways_with_a_length_and_in_chunks(
    upstream: MakeUpstream, envoy: Make, bearer: MakeRecord
) -> None:
    api = upstream()
    through = envoy(api.url, bearer(api.url))
    for size in (0, 1, 65_536, 1_048_577, 5_000_000):
        body = bytes(range(256)) * (size // 256 + 1)
        body = body[:size]
        assert through.ask(request_for("POST", "/", body=body)).status == 200
        assert api.taken[-1].body == body
        chunks = (b"%x\r\n%b\r\n" % (size, body) if size else b"") + b"0\r\n\r\n"
        head = request_for("POST", "/", "Transfer-Encoding: chunked")
        assert through.ask(head + chunks).status == 200
        assert unchunked(api.taken[-1].body) == body


def test_O16_events_arrive_when_they_are_sent(
    upstream: MakeUpstream, envoy: Make, provider_record: MakeRecord
) -> None:
    """Also on a record with a pattern: an event stream is not held back to be looked at."""
    import socket

    sent: list[float] = []

    def serve(connection: socket.socket, upstream: Upstream) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(3):
            sent.append(time.monotonic())
            connection.sendall(b"data: %d\n\n" % number)
            time.sleep(0.3)

    api = upstream(serve=serve)
    through = envoy(api.url, provider_record(api.url, pattern="token expired"))
    with through.connect() as caller:
        caller.send(request_for("GET", "/events"))
        assert b"200" in caller.head()
        first = caller.take(1)
        # The first event is here before the last one was sent.
        assert first
        assert len(sent) < 3
