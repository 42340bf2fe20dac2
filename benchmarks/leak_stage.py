"""Where the leaks are measured: an API and a foreign host that write down every byte, and the search for a secret.

The two servers stand on two addresses of the loopback network, so that they are two hosts, not two ports of one.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import quote, urlsplit


@dataclass(frozen=True)
class Cell:
    """One thing that was tried. `leaks` is `None` when it could not be tried; `note` says why, or where it leaked."""

    kind: str
    group: str
    subject: str
    placement: str
    leaks: bool | None
    note: str = ""

    def plain(self) -> dict[str, Any]:
        return asdict(self)


class Unsupported(Exception):
    """The library has no such thing."""


def canary() -> str:
    """A secret that exists once in the world."""
    return "canary-" + secrets.token_hex(20)


def spellings(secret: str) -> tuple[bytes, ...]:
    """The secret as it may be written: plain, percent-encoded, in hexadecimal, inside Base64 at each offset."""
    raw = secret.encode()
    inside = [base64.b64encode(b"\0" * offset + raw)[4:-4] for offset in range(3)]
    safe = [one.replace(b"+", b"-").replace(b"/", b"_") for one in inside]
    return (raw, quote(secret, safe="").encode(), raw.hex().encode(), *inside, *safe)


def holds(text: bytes | str, secret: str) -> bool:
    """True when `text` holds `secret` in any spelling."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return any(one in data for one in spellings(secret))


class Recorder:
    """A server that writes down what it gets. `foreign`: where its redirects lead."""

    def __init__(self, address: str, foreign: str = "") -> None:
        self.foreign = foreign
        self.token = ""
        self.seen: list[bytes] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                head = f"{self.requestline}\n{self.headers}".encode("latin-1", "replace")
                recorder.seen.append(head + body)
                status, headers, answer = recorder.answer(self.path)
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = _any  # noqa: N815 - names that http.server looks for
            do_POST = _any  # noqa: N815 - see above

            def log_message(self, *arguments: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                return  # clients hang up when they please

        self._server = Server((address, 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://{address}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str) -> tuple[int, list[tuple[str, str]], bytes]:
        parts = urlsplit(target)
        as_json = [("Content-Type", "application/json")]
        if parts.path == "/redirect":
            return 302, [("Location", self.foreign + "/landed")], b""
        if parts.path == "/repeat":  # as `return 302 https://elsewhere$request_uri;` of nginx does
            return 302, [("Location", f"{self.foreign}/landed?{parts.query}")], b""
        if parts.path == "/moved-token":
            return 307, [("Location", self.foreign + "/token")], b""
        if parts.path == "/forbidden":
            return 403, as_json, b'{"error": "forbidden"}'
        if parts.path == "/odd-token":  # a live token under names that no standard knows
            return 200, as_json, json.dumps({"data": {"accessToken": self.token}}).encode()
        if parts.path == "/token":
            found = {"access_token": self.token or "t", "token_type": "Bearer", "expires_in": 36000}
            return 200, as_json, json.dumps(found).encode()
        return 200, as_json, b'{"ok": true}'


class Stage:
    """An API, a foreign host, and a port where nobody listens."""

    def __enter__(self) -> Self:
        foreign = "127.0.0.2" if _can_bind("127.0.0.2") else "localhost"
        self.foreign = Recorder(foreign).__enter__()
        self.api = Recorder("127.0.0.1", self.foreign.origin).__enter__()
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            self.refused = f"http://127.0.0.1:{closed.getsockname()[1]}"
        return self

    def __exit__(self, *exception: object) -> None:
        self.api.__exit__()
        self.foreign.__exit__()

    def reset(self, token: str = "") -> None:
        self.api.seen.clear()
        self.foreign.seen.clear()
        self.api.token = token

    def redirect_cell(
        self, group: str, subject: str, placement: str, send: Callable[[Stage, str], Any]
    ) -> Cell:
        """One redirect: the credential must have come to the API, and must not have come to the foreign host."""
        secret = canary()
        self.reset(secret)
        failure = ""
        try:
            send(self, secret)
        except Unsupported as why:
            return Cell("redirect", group, subject, placement, None, f"not offered: {why}")
        except Exception as error:  # a refusal to follow is an answer too; what was sent decides
            failure = type(error).__name__
        if not any(holds(one, secret) for one in self.api.seen):
            return Cell(
                "redirect", group, subject, placement, None, failure or "the credential was not sent at all"
            )
        leaks = any(holds(one, secret) for one in self.foreign.seen)
        followed = "followed" if self.foreign.seen else "not followed"
        return Cell("redirect", group, subject, placement, leaks, failure or followed)


def _can_bind(address: str) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind((address, 0))
        except OSError:
            return False
        return True
