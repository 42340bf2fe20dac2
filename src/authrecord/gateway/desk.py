"""Answers that the gateway gives by itself, on listeners of their own: metrics, and headers for other proxies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

from .bodies import Body, request_body
from .entrances import check_host
from .grammar import Malformed, RequestHead, end_of_head, request_head
from .refusals import Refusal, answer, malformed, phrase

PATIENCE_SECONDS: Final = 30.0
MOST_BODY_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. Header lines are ready for the wire, without line ends."""

    status: int
    lines: tuple[bytes, ...] = ()
    body: bytes = b""


Answering = Callable[[RequestHead], Awaitable[Reply]]
"""Answers one request; raises `Refusal`. A request's body is read over."""


class DeskConnection(asyncio.Protocol):
    """One connection, whose requests are answered in their order. `hosts`: what `Host` may say."""

    def __init__(self, answering: Answering, hosts: frozenset[bytes]) -> None:
        self._answering = answering
        self._hosts = hosts
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._body: Body | None = None
        self._head: RequestHead | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._read_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody asks."""
        self._transport = cast("asyncio.Transport", transport)
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._close)

    def connection_lost(self, error: Exception | None) -> None:
        """They have gone."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Read on; while an answer is made, what comes waits."""
        self._unread += data
        if self._task is None:
            self._go_on()
        elif len(self._unread) > MOST_BODY_BYTES:
            self._close()

    def _go_on(self) -> None:
        try:
            while self._task is None and self._unread:
                if self._head is None and not self._read_head():
                    return
                self._read_body()
        except Malformed as fault:
            self._refuse(malformed(str(fault).capitalize()))

    def _read_head(self) -> bool:
        end = end_of_head(self._unread)
        if end < 0:
            return False
        head = request_head(self._unread[:end])
        self._unread = self._unread[end + 4 :]
        self._head = head
        self._read_bytes = 0
        self._body = request_body(length=head.fields.length, chunked=head.fields.chunked)
        if self._body is None:
            self._answer()
        return True

    def _read_body(self) -> None:
        if self._body is None:
            return
        piece, self._unread = self._body.feed(self._unread)
        self._read_bytes += len(piece)
        if self._read_bytes > MOST_BODY_BYTES:
            raise Malformed("the body is too large")
        if self._body.done:
            self._body = None
            self._answer()

    def _answer(self) -> None:
        assert self._head is not None  # noqa: S101 - a body follows a head; states it for the type
        self._task = asyncio.get_running_loop().create_task(self._answered(self._head))

    async def _answered(self, head: RequestHead) -> None:
        keeps_alive = head.minor == 1 and b"close" not in head.fields.connection
        try:
            check_host(head, self._hosts)
            reply = await self._answering(head)
        except Refusal as refusal:
            self._write(
                answer(
                    refusal, keeps_alive=keeps_alive and not refusal.closes, with_body=head.method != b"HEAD"
                )
            )
            keeps_alive = keeps_alive and not refusal.closes
        else:
            self._write(_rendered(reply, keeps_alive=keeps_alive, with_body=head.method != b"HEAD"))
        self._task = self._head = None
        if keeps_alive:
            self._go_on()
        else:
            self._close()

    def _refuse(self, refusal: Refusal) -> None:
        self._write(answer(refusal, keeps_alive=False))
        self._close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _rendered(reply: Reply, *, keeps_alive: bool, with_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {phrase(reply.status)}".encode("ascii"),
        *reply.lines,
        b"Content-Length: %d" % len(reply.body),
        b"Cache-Control: no-store",
    ]
    if not keeps_alive:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + (reply.body if with_body else b"")
