"""Where a server connects to on behalf of others: rows M12 and M13."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import httpx2
import pytest

from authrecord.clients.egress import guarded_transport, permits_for
from authrecord.clients.sender import TokenSender
from authrecord.core.errors import RecordFault
from authrecord.core.messages import Request

ALWAYS_REFUSED = (
    "169.254.169.254",
    "169.254.0.1",
    "fd00:ec2::254",
    "fe80::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "not an address",
)
PRIVATE = (
    "127.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
)


@pytest.mark.parametrize("address", ALWAYS_REFUSED)
def test_M12_metadata_and_link_local_addresses_are_never_dialled(address: str) -> None:
    assert not permits_for(local=True)(address)
    assert not permits_for(local=False)(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_M12_private_addresses_are_for_the_person_at_this_machine_only(address: str) -> None:
    assert permits_for(local=True)(address)
    assert not permits_for(local=False)(address)


def test_M12_an_operator_allows_a_network_and_not_what_is_beside_it() -> None:
    permits = permits_for(local=False, allowed=("10.1.0.0/16", "fd00:1::/32"))
    assert permits("10.1.2.3")
    assert permits("::ffff:10.1.2.3")
    assert permits("fd00:1::5")
    assert not permits("10.2.0.1")
    assert not permits("169.254.169.254")
    with pytest.raises(ValueError, match="does not appear"):
        permits_for(local=False, allowed=("everything",))


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A server that notes what arrives, and answers 200."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(4096))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], heard


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "name.example"])
def test_M12_nothing_is_sent_to_an_address_that_is_not_permitted(
    listener: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Neither a token request nor a tried one; also when a name only leads there."""
    port, heard = listener
    _resolve(monkeypatch, {"name.example": ["127.0.0.1"]})
    permits = permits_for(local=False)
    sender = TokenSender(clock=time, permits=permits)
    with pytest.raises(RecordFault) as caught:
        sender(Request("POST", f"http://{host}:{port}/token", form=()))
    assert caught.value.code == "egress"
    with (
        httpx2.Client(transport=guarded_transport(permits, timeout=5)) as client,
        pytest.raises(RecordFault, match="may not connect"),
    ):
        client.get(f"http://{host}:{port}/")
    assert not heard


def test_M13_the_address_that_was_checked_is_the_one_that_is_dialled(
    listener: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere at the second question: there is no second question, and `Host` stays the name."""
    port, heard = listener
    asked: list[str] = []
    _resolve(monkeypatch, {"rebinding.example": ["127.0.0.1"]}, asked)
    with httpx2.Client(transport=guarded_transport(permits_for(local=True), timeout=5)) as client:
        assert client.get(f"http://rebinding.example:{port}/a").status_code == 200
    assert asked == ["rebinding.example"]
    assert f"Host: rebinding.example:{port}".encode().lower() in heard[0].lower()


def _resolve(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]], asked: list[str] | None = None
) -> None:
    real = socket.getaddrinfo

    def resolve(host: object, port: object, *arguments: object, **named: object) -> object:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in names:
            return real(host, port, *arguments, **named)  # type: ignore[arg-type]  # handed on as it came
        if asked is not None:
            asked.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in names[name]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
