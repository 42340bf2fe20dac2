"""Clients of the gateway: each sends one request after the other, at a rate, and looks what comes back."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .ledger import Ledger, Received

PATIENCE_SECONDS = 120.0
"""Longer than a renewal may wait for a claim of a process that was killed."""

BODY = b"x" * 2048
POSTS = 8
"""One request of so many is a POST with a body."""


@dataclass(slots=True)
class Load:
    """`connections` clients at `port`, together `rate` requests a second (0: as fast as they can), over `paths`.

    `proof`: what says who is calling.
    """

    ledger: Ledger
    port: int
    proof: str
    paths: tuple[str, ...]
    connections: int
    rate: float = 0.0
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> None:
        """Until `ends` is set; every request that was sent has its answer then."""
        await asyncio.gather(*(self._client(number) for number in range(self.connections)))

    async def _client(self, which: int) -> None:
        pause = self.connections / self.rate if self.rate else 0.0
        due = time.monotonic() + pause * which / self.connections
        line: _Line | None = None
        while not self.ends.is_set():
            if pause:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due = max(
                    due + pause, time.monotonic() - 1.0
                )  # what was missed while it waited is not caught up
            number = next(self._numbers)
            line = line or await _Line.opened(self.port)
            began = time.monotonic()
            received = await self._asked(line, number)
            self.ledger.received(number, replace(received, seconds=time.monotonic() - began))
            if line.is_over or received.status == 0:
                line.close()
                line = None
        if line is not None:
            line.close()

    async def _asked(self, line: _Line, number: int) -> Received:
        path = self.paths[number % len(self.paths)]
        body = BODY if number % POSTS == 0 else b""
        request = (
            f"{'POST' if body else 'GET'} {path}/{number} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"X-Authrecord-Token: {self.proof}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await line.asked(request.encode("ascii") + body, body)
        except (OSError, EOFError, TimeoutError):
            return Received(0)


class _Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_over = False
        """The gateway said that this was the last answer of the connection."""

    @classmethod
    async def opened(cls, port: int) -> _Line:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def asked(self, request: bytes, body: bytes) -> Received:
        """What came back; its number is the one that the body names, if that is whole."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        said = await self._reader.readexactly(int(fields["content-length"]))
        number, _, rest = said.partition(b" ")
        whole = number.isdigit() and rest == body
        self.is_over = fields.get("connection") == "close"
        return Received(
            int(head.split(" ", 2)[1]),
            int(number) if whole else -1,
            fields.get("x-authrecord-error", ""),
            fields.get("x-authrecord-outcome", ""),
        )

    def close(self) -> None:
        self._writer.close()
