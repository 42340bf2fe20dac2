"""A server of three addresses for those who watch: `/metrics`, `/livez`, `/readyz`. On loopback only.

It reads nothing of a request but its first line and its `Host`, which must name this server: a web page that had
its own name resolved to this machine gets nothing (attack row M1).
"""

from __future__ import annotations

import ipaddress
import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from ..core.errors import AuthrecordError, StoreFault
from .counting import CONTENT_TYPE, Metrics

SECONDS: Final = 5.0
"""How long a client may take to say what it wants."""

_TEXT: Final = "text/plain; charset=utf-8"

log = logging.getLogger("authrecord")


class MetricsServer:
    """Serves from a thread of its own, from the moment it is made, until `close`.

    `address`: `HOST:PORT`, a loopback host; port 0 takes a free one. `ready`: returns when all is well, and raises
    an error of ours when it is not. Raises `StoreFault`: code `metrics_address` for an address that is none or not
    on loopback, `port_taken` when it cannot be had.
    """

    def __init__(self, address: str, metrics: Metrics, ready: Callable[[], None]) -> None:
        host, port = _address(address)
        try:
            self._server = _Server((host, port), metrics, ready)
        except OSError as error:
            raise StoreFault(
                f"cannot listen at {host}:{port} for metrics: {error.strerror}.", code="port_taken"
            ) from None
        self.port: int = self._server.server_address[1]
        self.host = host
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="authrecord-metrics", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the metrics are."""
        return f"http://{_authority(self.host, self.port)}/metrics"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, at: tuple[str, int], metrics: Metrics, ready: Callable[[], None]) -> None:
        if ":" in at[0]:
            import socket

            self.address_family = socket.AF_INET6
        self.metrics = metrics
        self.ready = ready
        super().__init__(at, _Handler)
        port = self.server_address[1]
        self.hosts = {_authority(name, port) for name in (at[0], "127.0.0.1", "::1", "localhost")}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is not worth a traceback on standard error."""
        log.debug("a client of the metrics server went away")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = SECONDS
    server_version = "authrecord"
    sys_version = ""

    def do_GET(self) -> None:
        """Every method but this one is answered 501 by the class above."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0] not in self.server.hosts:
            self._answer(421, _TEXT, b"this server has another name\n")
        elif self.path == "/metrics":
            self._answer(200, CONTENT_TYPE, self.server.metrics.text())
        elif self.path == "/livez":
            self._answer(200, _TEXT, b"ok\n")
        elif self.path == "/readyz":
            self._readiness()
        else:
            self._answer(404, _TEXT, b"there are /metrics, /livez and /readyz\n")

    def _readiness(self) -> None:
        """The code of what is wrong, never its words: they may name a path."""
        try:
            self.server.ready()
        except AuthrecordError as error:
            self._answer(503, _TEXT, f"{error.code}\n".encode())
            return
        self._answer(200, _TEXT, b"ok\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests of a watcher are not worth a line each."""


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    name = host.removeprefix("[").removesuffix("]")
    name = "127.0.0.1" if name == "localhost" else name
    try:
        on_loopback = ipaddress.ip_address(name).is_loopback
    except ValueError:
        on_loopback = False
    if not (colon and on_loopback and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise StoreFault(
            "metrics are served on this machine's own loopback address only.",
            hint="Write it as 127.0.0.1:9464 or [::1]:9464, and let a proxy or an agent fetch them from there.",
            code="metrics_address",
        )
    return name, int(port)


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
