"""Rows A16 to A18 and A23: floods, slow connections, junk and a port that is taken, at the server itself."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from authrecord.core.errors import StoreFault
from authrecord.web import heads
from authrecord.web.serving import listening_socket
from tests.canary_watch import Canary
from tests.web.stage import Stage
from tests.web.test_authorize import Provider, answered, begun, panel

FLOOD = 300
"""Requests; row A16 names more, which take longer and nothing else."""


@pytest.fixture
def provider(canary: Canary) -> Iterator[Provider]:
    made = Provider(canary)
    yield made
    made.server.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads that are to come within a moment, so that a test need not wait for seconds."""
    monkeypatch.setattr(heads, "HEAD_SECONDS", 0.3)


def connected(web: Stage) -> socket.socket:
    host, port = web.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the server closes, however it does."""
    said = b""
    try:
        while piece := connection.recv(65536):
            said += piece
    except ConnectionError:
        return said
    return said


def waiting_logins(web: Stage) -> int:
    """How many logins the store keeps."""
    with web.site.backend.reading() as transaction:
        row = transaction.row("SELECT count(*) FROM logins")
    assert row is not None
    return int(row[0])


def test_A16_a_flood_at_the_callback_does_not_keep_a_login_from_its_answer(
    web: Stage, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """A foreign page's images, with the person's cookie: each is refused, none is written down."""
    visitor = web.browser("ann")
    web.put(provider.record())
    address = begun(visitor)
    before = web.told(), waiting_logins(web)
    headers = {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}

    def flood(_: int) -> set[int]:
        with httpx2.Client(base_url=web.url, trust_env=False, cookies=visitor.client.cookies) as one:
            return {
                one.get(f"/callback?state={number}&code=x", headers=headers).status_code
                for number in range(FLOOD // 10)
            }

    with ThreadPoolExecutor(10) as pool:
        assert set().union(*pool.map(flood, range(10))) == {403}
    assert (web.told(), waiting_logins(web)) == before
    assert not [one for one in caplog.records if one.name.startswith(("uvicorn", "authrecord"))]
    assert answered(visitor, provider.log_in(address)).status_code == 303
    assert "Token received" in panel(visitor)


@pytest.mark.usefixtures("impatient")
def test_A17_slow_connections_are_closed_and_keep_nobody_out(web: Stage, provider: Provider) -> None:
    """A hundred that never end their first line, and one that goes slow with its second request."""
    visitor = web.browser("ann")
    web.put(provider.record())
    address = begun(visitor)
    slow = [connected(web) for _ in range(100)]
    try:
        for one in slow:
            one.sendall(b"GET /callback HTT")
        assert answered(visitor, provider.log_in(address)).status_code == 303
        again = connected(web)
        slow.append(again)
        host = web.url.removeprefix("http://")
        again.sendall(f"HEAD / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert again.recv(65536).startswith(b"HTTP/1.1 ")
        again.sendall(b"GET /sign-in HT")
        assert [until_closed(one) for one in slow] == [b""] * 101
    finally:
        for one in slow:
            one.close()


@pytest.mark.parametrize(
    ("junk", "status"),
    [
        (b"GET /" + b"x" * 1_000_000, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"x-y: " + b"z" * 1_000_000, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"x-y: z\r\n" * 100_000, b"431"),
        (b"\x00\xff\xfe" * 1000, b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"\r\n\r\n", b""),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_A18_junk_closes_its_connection_and_nothing_else(
    web: Stage, provider: Provider, junk: bytes, status: bytes
) -> None:
    visitor = web.browser("ann")
    web.put(provider.record())
    address = begun(visitor)
    with connected(web) as one:
        try:
            one.sendall(junk)
        except ConnectionError:
            said = b""  # closed while it was still being sent: the answer went down with it
        else:
            said = until_closed(one)
    assert said[9:12] in {status, b""}
    assert answered(visitor, provider.log_in(address)).status_code == 303


def test_A18_a_warning_about_junk_is_written_once(
    web: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads.WARNINGS, "_said", {})
    with caplog.at_level(logging.WARNING, "uvicorn.error"):
        for _ in range(20):
            with connected(web) as one:
                one.sendall(b"\x00\xff\r\n\r\n")
                assert until_closed(one).startswith(b"HTTP/1.1 400")
    assert len([one for one in caplog.records if one.name == "uvicorn.error"]) == 1


def test_A23_a_port_that_is_taken_is_named_with_its_owner() -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StoreFault) as fault:
            listening_socket("127.0.0.1", port)
    assert fault.value.code == "port_taken"
    assert f"127.0.0.1:{port}" in fault.value.message
    assert "process" in fault.value.message
