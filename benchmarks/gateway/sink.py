"""A server that reads bodies, and answers how long they were: python sink.py PORT."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        left = size = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read1(min(left, 1024 * 1024)))
        self.send_response(200)
        text = str(size).encode()
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Sink).serve_forever()
