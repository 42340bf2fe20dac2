"""HTTP/2 to the upstream, where it offers it."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h2.errors
import pytest
import trustme

from authrecord.record import Record
from tests.gateway.conftest import token_of
from tests.gateway.h2_server import Asked, H2Server, Says
from tests.gateway.stage import Gateway

MakeGateway = Callable[..., Gateway]
MakeRecord = Callable[..., Record]
Serve = Callable[..., tuple[H2Server, Gateway, Record]]


@pytest.fixture
def serve(tmp_path: Path, gateway: MakeGateway, bearer: MakeRecord) -> Iterator[Serve]:
    """An upstream that speaks HTTP/2, and a gateway before it."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    made: list[H2Server] = []

    def make(reply: Callable[[Asked], Says], **options: Any) -> tuple[H2Server, Gateway, Record]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2"])
        ca.issue_cert("localhost").configure_cert(context)
        server = H2Server(context, reply)
        made.append(server)
        url = f"https://localhost:{server.port}"
        record = bearer(url)
        return server, gateway(url, record, ca_file=str(tmp_path / "ca.pem"), **options), record

    yield make
    for one in made:
        one.close()


def get(through: Gateway, *lines: str, method: str = "GET", target: str = "/a%20b?q=%27") -> bytes:
    head = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{through.port}", "$", *lines, "", ""]
    return "\r\n".join(head).encode()


def test_requests_and_answers_pass_and_carry_the_credential(serve: Serve) -> None:
    cookies = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-odd", b"caf\xe9")]
    server, through, record = serve(lambda asked: Says(201, cookies, asked.body))
    with through.connect() as caller:
        told = caller.ask(get(through, "Content-Length: 4", "X-A: 1", "Cookie: c=d", method="POST") + b"body")
        again = caller.ask(get(through))
    assert (told.status, told.body, told.values("set-cookie")) == (201, b"body", ["a=1", "b=2"])
    assert b"x-odd: caf\xe9" in told.lines
    assert (again.status, again.body) == (201, b"")
    first = server.asked[0]
    assert first.values(b":path") == [b"/a%20b?q=%27"]
    assert first.values(b":authority") == [f"localhost:{server.port}".encode()]
    assert first.values(b"authorization") == [token_of(record).encode()]
    assert [first.values(name) for name in (b"x-a", b"cookie", b"host")] == [[b"1"], [b"c=d"], []]
    assert server.connections == 1


def test_a_herd_shares_one_connection(serve: Serve) -> None:
    server, through, _ = serve(lambda asked: Says())
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(lambda _: through.ask(get(through)).status, range(100))) == [200] * 100
    assert server.connections == 1


def test_large_bodies_pass_both_ways_and_a_slow_reader_slows_the_upstream_down(serve: Serve) -> None:
    body = bytes(range(256)) * 4096 * 3
    server, through, _ = serve(lambda asked: Says(200, [], asked.body))
    with through.connect() as caller:
        request = get(through, f"Content-Length: {len(body)}", method="PUT") + body
        sender = threading.Thread(target=caller.send, args=(request,))
        sender.start()
        time.sleep(0.3)
        assert caller.answer().body == body
        sender.join()
    assert server.asked[0].body == body


@pytest.mark.parametrize("framing", ["Content-Length: 3", "Transfer-Encoding: chunked"])
def test_a_refused_stream_and_a_goaway_are_sent_again_elsewhere(serve: Serve, framing: str) -> None:
    said: list[int] = []

    def reply(asked: Asked) -> Says:
        said.append(1)
        if len(said) == 2:
            return Says(goaway=True)
        return Says()

    server, through, _ = serve(reply)
    assert through.ask(get(through)).status == 200
    body = b"abc" if framing.startswith("C") else b"3\r\nabc\r\n0\r\n\r\n"
    assert through.ask(get(through, framing, method="PUT") + body).status == 200
    assert [asked.body for asked in server.asked] == [b"", b"abc", b"abc"]
    assert server.connections == 2


def test_a_stream_that_is_reset_is_502_and_others_go_on(serve: Serve) -> None:
    code = int(h2.errors.ErrorCodes.INTERNAL_ERROR)
    server, through, _ = serve(
        lambda asked: Says(reset=code if asked.values(b":path") == [b"/bad"] else None)
    )
    assert through.ask(get(through, target="/bad", method="POST")).status == 502
    assert through.ask(get(through)).status == 200
    assert server.connections == 1


def test_H1_an_expired_answer_is_renewed_and_sent_again(serve: Serve, canary: Any, tmp_path: Path) -> None:
    from authrecord.core.secret import Reference
    from authrecord.schemes.bearer import Bearer

    tokens = [canary("first token"), canary("second token")]
    file = tmp_path / "token"
    file.write_text(tokens[0])
    for token in tokens:
        canary.allow(token, sink="file:token")
    good = [tokens[0]]

    def reply(asked: Asked) -> Says:
        fine = asked.values(b"authorization") == [f"Bearer {good[0]}".encode()]
        return Says() if fine else Says(401, [(b"www-authenticate", b"Bearer")], b"no")

    server, through, _ = serve(reply)
    record = Record(
        name="orders",
        allowed_origins=(f"https://localhost:{server.port}",),
        auth=Bearer(token=Reference("file", str(file))),
    )
    through.add(record)
    assert through.ask(get(through)).status == 200
    file.write_text(tokens[1])
    good[0] = tokens[1]
    told = through.ask(get(through, "Content-Length: 2", method="POST") + b"hi")
    assert (told.status, told.values("x-authrecord-outcome")) == (200, ["renewed-and-replayed"])
    assert [asked.body for asked in server.asked] == [b"", b"hi", b"hi"]


def test_a_websocket_asks_for_http_1(serve: Serve) -> None:
    server, through, _ = serve(lambda asked: Says())
    told = through.ask(get(through, "Connection: Upgrade", "Upgrade: websocket"))
    assert told.status == 502
    assert server.protocols in ([], [None])
