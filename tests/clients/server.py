"""A real HTTP server on loopback that notes what arrives. Its answers are functions of the request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Arrived:
    """One request, as the server saw it."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def everything(self) -> str:
        return f"{self.target}\n{self.headers}\n{self.body!r}"


@dataclass(frozen=True)
class Reply:
    """What the server answers. `chunks`: the body in chunked coding, as it is made."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    chunks: Callable[[], Iterator[bytes]] | None = None


Answers = Callable[[Arrived], Reply]


class Handler(BaseHTTPRequestHandler):
    """Reads a request, notes it at the outer server, and writes what its route answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    outer: Server

    def setup(self) -> None:
        super().setup()
        self.outer.connections += 1
        self.number = self.outer.connections

    def handle_one(self) -> None:
        arrived = Arrived(self.command, self.path, tuple(self.headers.items()), self.read_body(), self.number)
        self.outer.arrived.append(arrived)
        route = self.outer.routes.get(arrived.path)
        reply = route(arrived) if route else Reply()
        try:
            self.reply(arrived, reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.handle_one
        raise AttributeError(name)

    def read_body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def reply(self, arrived: Arrived, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        bodiless = reply.status in (204, 304)
        if reply.chunks is not None:
            self.send_header("Transfer-Encoding", "chunked")
        elif not bodiless:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if arrived.method == "HEAD" or bodiless:
            return
        if reply.chunks is None:
            self.wfile.write(reply.body)
            return
        for chunk in reply.chunks():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *arguments: Any) -> None:
        return


class Quiet(ThreadingHTTPServer):
    """Says nothing about clients that hang up."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


class Server:
    """`routes` maps paths to answers; others get 200. `arrived` is in order."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.routes: dict[str, Answers] = {}
        self.connections = 0
        handler = type("BoundHandler", (Handler,), {"outer": self})
        self._server = Quiet(("127.0.0.1", 0), handler)
        self.port: int = self._server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(5)


def redirect(status: int, location: str) -> Answers:
    return lambda _: Reply(status, b"", {"Location": location})
