"""The smuggling corpus through the real listener, and two parsers of others beside ours."""

from __future__ import annotations

from collections.abc import Callable

import h11
import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authrecord.gateway.bodies import Chunked
from authrecord.gateway.grammar import Malformed, end_of_head, request_head
from authrecord.record import Record
from tests.gateway.stage import Gateway, Upstream

Make = Callable[..., Upstream]
MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: $HOST\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

REFUSED = {
    "CL+TE": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "TE+CL": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nG",
    "CL.CL different": b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "CL.CL same": b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "CL list": b"Content-Length: 1, 1\r\n\r\na",
    "CL plus sign": b"Content-Length: +1\r\n\r\na",
    "CL negative": b"Content-Length: -1\r\n\r\na",
    "CL hex": b"Content-Length: 0x1\r\n\r\na",
    "CL space inside": b"Content-Length: 1 1\r\n\r\na",
    "CL empty": b"Content-Length:\r\n\r\n",
    "CL not ASCII": b"Content-Length: \xb2\r\n\r\na",
    "CL enormous": b"Content-Length: " + b"9" * 30 + b"\r\n\r\n",
    "TE.TE": CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "TE.TE identity": CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "TE list": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "TE identity": b"Transfer-Encoding: identity\r\n\r\n",
    "TE odd": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE quoted": b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "TE vertical tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "TE space before colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "TE tab before colon": b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "TE leading space": b" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE NUL": b"Transfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n",
    "obs-fold": b"X: a\r\n b\r\n\r\n",
    "obs-fold TE": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "bare LF in the head": b"X: a\nContent-Length: 1\r\n\r\na",
    "bare LF at the end": b"X: a\r\n\n",
    "bare CR": b"X: a\rY: b\r\n\r\n",
    "no colon": b"just words\r\n\r\n",
    "empty name": b": x\r\n\r\n",
    "name with brackets": b"X(a): b\r\n\r\n",
    "name with a non-ASCII dash": b"X\xe2\x80\x90API\xe2\x80\x90Key: a\r\n\r\n",
    "NUL in a value": b"X: a\x00b\r\n\r\n",
    "chunk extension": CHUNKED + b"\r\n5;x=y\r\nhello\r\n0\r\n\r\n",
    "chunk extension with LF": CHUNKED + b"\r\n5;\nxx\r\nhello\r\n0\r\n\r\n",
    "chunk size with space": CHUNKED + b"\r\n5 \r\nhello\r\n0\r\n\r\n",
    "chunk size leading space": CHUNKED + b"\r\n 5\r\nhello\r\n0\r\n\r\n",
    "chunk size hex prefix": CHUNKED + b"\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size sign": CHUNKED + b"\r\n+5\r\nhello\r\n0\r\n\r\n",
    "chunk size underscore": CHUNKED + b"\r\n1_0\r\nhello\r\n0\r\n\r\n",
    "chunk size overflow": CHUNKED + b"\r\n" + b"f" * 17 + b"\r\nhello",
    "chunk ends with LF": CHUNKED + b"\r\n5\nhello\r\n0\r\n\r\n",
    "chunk data not ended": CHUNKED + b"\r\n5\r\nhelloXX0\r\n\r\n",
    "chunk data ends with LF": CHUNKED + b"\r\n5\r\nhello\n0\r\n\r\n",
    "chunk empty size": CHUNKED + b"\r\n\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_O5_what_two_parsers_could_read_differently_is_400_and_the_connection_ends(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, name: str
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    host = b"127.0.0.1:%d" % through.port
    with through.connect() as caller:
        caller.send(b"POST / HTTP/1.1\r\nHost: %b\r\n$\r\n" % host + REFUSED[name])
        caller.send(SMUGGLED.replace(b"$HOST", host))
        told = caller.answer()
        assert told.status in (400, 431)
        assert told.values("connection") == ["close"]
        assert caller.rest() == b""
    assert not any(b"smuggled" in taken.head + taken.body for taken in api.taken)


REQUEST_LINES = (
    b"GET  / HTTP/1.1",
    b"GET / HTTP/1.1 ",
    b"GET /a b HTTP/1.1",
    b"GET /\tHTTP/1.1",
    b"GET / HTTP/2.0",
    b"GET / HTTP/1.2",
    b"GET / HTTP/0.9",
    b"GET /",
    b"GET / http/1.1",
    b"GET / HTTP/1.1\x00",
    b" GET / HTTP/1.1",
    b"G(ET / HTTP/1.1",
    b"GET /\x00 HTTP/1.1",
    b"GET /a\x7f HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0",
)


@pytest.mark.parametrize("line", REQUEST_LINES)
def test_O5_a_request_line_that_is_none_is_400(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, line: bytes
) -> None:
    api = upstream()
    through = gateway(api.url, bearer(api.url))
    assert through.ask(line + b"\r\nHost: 127.0.0.1:%d\r\n$\r\n\r\n" % through.port).status == 400
    assert api.taken == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/3 200 OK\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x0a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_048_576 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(10_000)) + b"\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=range(12),
)
def test_O15_an_answer_that_is_no_http_is_502_and_the_next_request_goes_elsewhere(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord, answer: bytes
) -> None:
    api = upstream(reply=lambda taken: answer if b"/bad" in taken.line else b"HTTP/1.1 204 X\r\n\r\n")
    through = gateway(api.url, bearer(api.url))
    host = b" HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n$\r\n\r\n" % through.port
    with through.connect() as caller:
        told = caller.ask(b"GET /bad" + host)
        assert (told.status, told.values("x-authrecord-error")) == (502, ["bad_upstream_answer"])
        assert caller.ask(b"GET /good" + host).status == 204
    assert api.connections == 2


def test_bytes_after_an_answer_never_become_the_next_one(
    upstream: Make, gateway: MakeGateway, bearer: MakeRecord
) -> None:
    first = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    api = upstream(reply=lambda taken: first)
    through = gateway(api.url, bearer(api.url))
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n$\r\n\r\n" % through.port
    with through.connect() as caller:
        assert [caller.ask(request).body for _ in range(3)] == [b"ok"] * 3
    assert api.connections == 3


# Ours beside httptools (llhttp) and h11: whatever ours accepts, both read in the same way.

LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"POST /a?b=%20 HTTP/1.1",
        b"GET http://x/ HTTP/1.1",
        b"PUT /x HTTP/1.0",
        b"GET  / HTTP/1.1",
        b"HEAD /\xc3 HTTP/1.1",
        b"GET /a b HTTP/1.1",
    ]
)
NAMES = st.sampled_from(
    [
        b"Host",
        b"X",
        b"x-y_z",
        b"Content-Length",
        b"Transfer-Encoding",
        b"X ",
        b"",
        b"\tX",
        b"Connection",
        b"\xc3",
    ]
)
VALUES = st.sampled_from(
    [
        b"a",
        b"5",
        b"0",
        b"chunked",
        b"",
        b" a ",
        b"\tx",
        b"a\rb",
        b"a\nb",
        b"\x00",
        b"gzip, chunked",
        b"\xff",
        b"5, 5",
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n "])
FIELDS = st.lists(st.tuples(NAMES, VALUES, ENDS), max_size=5)


class Judge:
    """What llhttp makes of a head."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.url = b""
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.complete = True


@given(LINES, FIELDS)
@example(b"GET / HTTP/1.1", [(b"Host", b"x", b"\r\n")])
@example(b"POST / HTTP/1.1", [(b"Host", b"x", b"\r\n"), (b"Transfer-Encoding", b"chunked", b"\r\n")])
def test_O5_what_we_accept_llhttp_and_h11_read_in_the_same_way(
    line: bytes, fields: list[tuple[bytes, bytes, bytes]]
) -> None:
    raw = line + b"\r\n" + b"".join(name + b":" + value + end for name, value, end in fields) + b"\r\n"
    try:
        end = end_of_head(raw)
        head = request_head(raw[:end]) if end >= 0 else None
    except Malformed:
        return
    if head is None:
        return
    ours = [(field.name, field.value) for field in head.fields.all]
    if any(byte > 0x7E for byte in head.target):
        return  # bytes beyond ASCII pass to the upstream as they are; the two refuse them
    judge = Judge()
    parser = httptools.HttpRequestParser(judge)
    parser.feed_data(raw[: end + 4])
    assert judge.complete
    assert judge.url == head.target
    assert [(name.lower(), value.strip(b" \t")) for name, value in judge.fields] == ours
    if any(byte > 0x7E for byte in raw) or len(head.fields.values(b"host")) != 1:
        return  # h11 asks for one Host here; ours asks when it knows the listener
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(raw[: end + 4])
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method, event.target) == (head.method, head.target)
    assert [(bytes(name), bytes(value)) for name, value in event.headers] == ours


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(min_value=1, max_value=17))
def test_chunks_are_read_the_same_however_they_are_cut(bodies: list[bytes], step: int) -> None:
    raw = b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies) + b"0\r\nX: trailer\r\n\r\nNEXT"
    reader = Chunked(allows_extensions=False)
    body, position = b"", 0
    rest = b""
    while not reader.done:
        piece, rest = reader.feed(raw[position : position + step])
        body += piece
        position += step
    assert body == b"".join(bodies)
    assert rest + raw[position:] == b"NEXT"
