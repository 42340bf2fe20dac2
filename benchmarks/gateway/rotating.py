"""A provider and its API in one: tokens until they are called back: python rotating.py PORT.

`POST /token` gives the client its newest token, `POST /call-back/NAME` makes another one the newest, and every other
request is answered with 200 if it carries the newest token of the record in its path, and with 401 if not.
"""

from __future__ import annotations

import base64
import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

generations: Counter[str] = Counter()


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        name = self.path.strip("/")
        good = self.headers["Authorization"] == f"Bearer {name}-{generations[name]}"
        self._say(200 if good else 401, b"ok" if good else b"no")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path.startswith("/call-back/"):
            generations[self.path.rpartition("/")[2]] += 1
            self._say(200, b"ok")
            return
        name = base64.b64decode(self.headers["Authorization"].partition(" ")[2]).partition(b":")[0].decode()
        token = f'{{"access_token": "{name}-{generations[name]}", "token_type": "Bearer"}}'
        self._say(200, token.encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Api).serve_forever()
