"""A listener on loopback whose one connection at a time is handled by a function: for answers that are not HTTP."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Handle = Callable[[socket.socket], None]


@contextmanager
def listening(handle: Handle, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port. `handle` gets each connection; it is closed afterwards."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(20)
            with contextlib.suppress(OSError):
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                handle(connection)
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        thread.join(5)
        listener.close()


def read_request(connection: socket.socket) -> bytes:
    """The request's head, and its body by `Content-Length`."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
