"""A connection to an upstream that speaks HTTP/1.1: one request at a time, kept for the next one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from .bodies import LAST_CHUNK, Body, UntilClose, chunk, response_body
from .grammar import Fields, Malformed, end_of_head, response_head
from .ports import Sending
from .refusals import upstream_failure

if TYPE_CHECKING:
    from .exchange import Exchange
    from .pool import Place, Pool
    from .upstream_h2 import H2Connection

WRITE_BUFFER_BYTES: Final = 256 * 1024


class UpstreamConnection(asyncio.Protocol):
    """Made by the pool. `is_fresh`: it has carried no request before the one in hand.

    `successor`: what speaks HTTP/2 on the connection instead, if the upstream has chosen that.
    """

    def __init__(self, pool: Pool, place: Place) -> None:
        self._pool = pool
        self._place = place
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._unread = b""
        self._body: Body | None = None
        self._method = b""
        self._has_head = False
        self._unanswered = True
        self._request_done = False
        self._closes = False
        self._chunked = False
        self.successor: H2Connection | None = None
        self._is_tunnel = False
        self._is_paused = False
        self._last_fields: Fields | None = None
        self._requests = 0
        self.idle_since = 0.0

    @property
    def is_fresh(self) -> bool:
        """See the class."""
        return self._requests <= 1

    @property
    def is_open(self) -> bool:
        """True while a request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The upstream has taken the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        self._pool.opened(self)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            self.successor = self._pool.opened_h2(self, self._place)
            self._transport.set_protocol(self.successor)
            self.successor.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The connection has ended: an answer that has no other end is complete, any other is broken."""
        self._transport = None
        self._pool.lost(self, self._place)
        exchange = self._exchange
        if exchange is None:
            return
        if self._is_tunnel:
            self._exchange = None
            exchange.tunnel_closed()
        elif isinstance(self._body, UntilClose) and error is None:
            self._done(b"")
        else:
            self._exchange = None
            exchange.upstream_failed(
                upstream_failure("upstream_failed"),
                unanswered=self._unanswered,
            )

    def data_received(self, data: bytes) -> None:
        """More of an answer."""
        exchange = self._exchange
        if exchange is None:
            self._close()  # nobody has asked: what follows belongs to no request
            return
        self._unanswered = False
        if self._is_tunnel:
            exchange.upstream_body(data)
            exchange.flush()
            return
        if self._unread:
            data, self._unread = self._unread + data, b""
        try:
            self._read(data, exchange)
        except Malformed:
            self._exchange = None
            self._close()
            exchange.upstream_failed(
                upstream_failure("bad_upstream_answer"),
                unanswered=False,
            )
        if self._exchange is exchange:
            exchange.flush()

    def pause_writing(self) -> None:
        """The upstream reads slowly."""
        if self._exchange is not None:
            self._exchange.upstream_is_full()

    def resume_writing(self) -> None:
        """It goes on."""
        if self._exchange is not None:
            self._exchange.upstream_has_room()

    # Reading.

    def _read(self, data: bytes, exchange: Exchange) -> None:
        while data and self._exchange is exchange and not self._is_tunnel:
            if self._has_head:
                data = self._read_body(data, exchange)
                continue
            end = end_of_head(data)
            if end < 0:
                self._unread = data
                return
            head = response_head(data[:end], self._last_fields)
            data = data[end + 4 :]
            if head.status < 200 and head.status != 101:
                exchange.upstream_head(head)
                continue
            fields = self._last_fields = head.fields
            self._has_head = True
            if head.status == 101:
                self._is_tunnel = True
                exchange.upstream_head(head)
                if data and self._exchange is exchange:
                    exchange.upstream_body(data)
                return
            self._body = response_body(
                self._method, head.status, length=fields.length, chunked=fields.chunked
            )
            if head.minor:
                self._closes = b"close" in fields.connection
            else:
                self._closes = b"keep-alive" not in fields.connection
            exchange.upstream_head(head)
            if self._body is None and self._exchange is exchange:
                self._done(data)
                return

    def _read_body(self, data: bytes, exchange: Exchange) -> bytes:
        body = self._body
        assert body is not None  # noqa: S101 - an answer without one has ended already; states it for the type
        piece, data = body.feed(data)
        if piece:
            exchange.upstream_body(piece)
        if body.done and self._exchange is exchange:
            self._done(data)
            return b""
        return data

    def _done(self, rest: bytes) -> None:
        """The answer is complete. Bytes behind it belong to no request: the connection is not used again."""
        exchange, self._exchange = self._exchange, None
        if rest or self._closes or not self._request_done or isinstance(self._body, UntilClose):
            self._close()
        elif self._transport is not None:
            self._pool.put(self, self._place)
        if exchange is not None:
            exchange.upstream_end()

    # What exchanges do: see `exchange.Upstream`.

    def begin(self, exchange: Exchange, sending: Sending, pieces: list[bytes]) -> None:
        """Send a head, and what has come of the body."""
        self._exchange = exchange
        self._method = sending.method
        self._body = None
        self._has_head = self._request_done = self._closes = False
        self._chunked = sending.chunked
        self._unanswered = True
        self._requests += 1
        if self._is_paused:
            self.resume_reading()
        if sending.chunked:
            pieces = [chunk(piece) for piece in pieces]
        if self._transport is not None:
            body = b"".join(pieces)
            self._transport.write(
                b"%b %b HTTP/1.1\r\n%b%b" % (sending.method, sending.target, sending.fields, body)
            )

    def send(self, data: bytes) -> None:
        """Send more of the body, framed as the head says."""
        if self._transport is not None:
            self._transport.write(chunk(data) if self._chunked and not self._is_tunnel else data)

    def end(self) -> None:
        """The body is complete."""
        self._request_done = True
        if self._chunked and self._transport is not None:
            self._transport.write(LAST_CHUNK)

    def cancel(self) -> None:
        """The answer is not wanted; a connection that has carried nothing goes back to the others."""
        if self._exchange is None and self.is_open:
            self._pool.put(self, self._place)
            return
        self._exchange = None
        self._close()

    def pause_reading(self) -> None:
        """Let the answer wait."""
        if self.is_open and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Let it go on."""
        if self._is_paused and self.is_open and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """End an idle connection."""
        self._close()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
