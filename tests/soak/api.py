"""The API behind the gateway: it looks at each token, answers with the number of the request, and writes that down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from .ledger import Ledger

REFUSED = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error="invalid_token"\r\n'
    b"Content-Length: 7\r\n\r\nexpired"
)


class Connection(asyncio.Protocol):
    """One connection of the gateway. `is_live`: whether an access token is good now."""

    def __init__(self, ledger: Ledger, is_live: Callable[[str], bool]) -> None:
        self._ledger = ledger
        self._is_live = is_live
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The gateway has connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._unread += data
        while True:
            head, end, rest = self._unread.partition(b"\r\n\r\n")
            if not end:
                return
            fields = dict(_field(line) for line in head.split(b"\r\n")[1:])
            length = int(fields.get(b"content-length", b"0"))
            if len(rest) < length:
                return
            self._unread = rest[length:]
            self._answer(head.partition(b" ")[2].partition(b" ")[0], fields, rest[:length])

    def _answer(self, target: bytes, fields: dict[bytes, bytes], body: bytes) -> None:
        number = int(target.rpartition(b"/")[2])
        token = fields.get(b"authorization", b"").removeprefix(b"Bearer ").decode("ascii")
        good = self._is_live(token)
        self._ledger.gave(number, good=good)
        if not good:
            self._transport.write(REFUSED)
            return
        text = b"%d %b" % (number, body)
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip()


async def serve(ledger: Ledger, is_live: Callable[[str], bool]) -> asyncio.Server:
    """The API, at a free port of loopback."""
    return await asyncio.get_running_loop().create_server(lambda: Connection(ledger, is_live), "127.0.0.1", 0)
