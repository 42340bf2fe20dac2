"""Talks to a server without an HTTP library, so that a test sees the bytes as they come."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back. `ended` is how: `closed`, `reset`, `open` (nothing more for a while) or `full`."""

    raw: bytes
    ended: str

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1])

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = self.raw.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]
        return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]


def request(
    url: str, *, method: str = "GET", headers: str = "connection: close\r\n", body: bytes = b""
) -> bytes:
    """The bytes of a request."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    length = f"content-length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nhost: {parts.netloc}\r\n{headers}{length}\r\n".encode() + body


def exchange(url: str, sent: bytes, *, most: int = 1 << 20, patience: float = 0.5) -> Answer:
    """Send bytes to the server of `url` and read until it ends, `most` bytes, or `patience` seconds of nothing."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    received = bytearray()
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=10) as connection:
        connection.sendall(sent)
        connection.settimeout(patience)
        while len(received) < most:
            try:
                data = connection.recv(65536)
            except TimeoutError:
                return Answer(bytes(received), "open")
            except ConnectionResetError:
                return Answer(bytes(received), "reset")
            if not data:
                return Answer(bytes(received), "closed")
            received += data
    return Answer(bytes(received), "full")
