"""A caller's connection: reads requests one after another, hands each to an exchange, and writes the answers.

Requests that come before the last answer has gone wait here, unread: their answers keep their order, and nothing
is collected beyond one read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol, cast

from .bodies import Body, request_body
from .entrances import Found
from .exchange import Exchange
from .forward import Connect
from .grammar import Fields, Malformed, RequestHead, TooLarge, end_of_head, request_head
from .holds import Holds
from .opening import connect
from .refusals import Refusal, answer, malformed
from .tunnels import Tunnel

if TYPE_CHECKING:
    from .service import Service

HEAD_SECONDS: Final = 10.0
"""For a whole head, from its first byte; a slower client is cut (row O16)."""

IDLE_SECONDS: Final = 120.0
"""Between two requests, and between two reads of a body."""

MOST_WAITING_BYTES: Final = 64 * 1024
MOST_DRAINED_BYTES: Final = 1024 * 1024
"""Of a body that nobody wants any more, so that its sender can still read the answer."""

LINGER_SECONDS: Final = 2.0
"""After the last answer, for the caller to read it: what it still sends would reset the connection otherwise."""

WRITE_BUFFER_BYTES: Final = 256 * 1024


class Entrance(Protocol):
    """What requests at this connection mean: see `entrances`."""

    def find(self, head: RequestHead) -> Found | Connect | None:
        """The meaning of a request; `None` when `ask` must be awaited. Raises `Refusal`."""
        ...

    async def ask(self, head: RequestHead) -> Found | Connect:
        """The same, when it takes a while."""
        ...


class CallerConnection(asyncio.Protocol):
    """One connection of a caller. `peer` is for the access log."""

    def __init__(self, service: Service, entrance: Entrance) -> None:
        self._service = service
        self._entrance = entrance
        self._transport: asyncio.Transport | None = None
        self._waiting = b""
        self._body: Body | None = None
        self._exchange: Exchange | None = None
        self._tunnel: Exchange | Tunnel | None = None
        self._last_fields: Fields | None = None
        self._asking: asyncio.Task[None] | None = None
        self._holds = Holds()
        self._body_bytes = 0
        self._lingers = False
        self._is_full = False
        self.keeps_alive = True
        self.peer = ""
        self.deadline = 0.0

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller has connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        peer = transport.get_extra_info("peername")
        self.peer = f"{peer[0]}" if isinstance(peer, tuple) else "unix"
        self.deadline = self._service.monotonic() + HEAD_SECONDS
        self._service.connected(self)
        self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        """The caller has gone."""
        self._service.gone(self)
        if self._asking is not None:
            self._asking.cancel()
        exchange, tunnel = self._exchange, self._tunnel
        self._exchange = self._tunnel = None
        for one in (exchange, tunnel if tunnel is not exchange else None):
            if one is not None:
                one.caller_gone()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Read on; whatever escapes would be a fault of ours, and the loop reports it."""
        if self._tunnel is not None:
            self._tunnel.tunnel(data)
            return
        if self._lingers:
            return
        if self._transport is None:  # under TLS the first bytes may come before the connection is announced
            self._waiting += data
            return
        if self._waiting:
            data, self._waiting = self._waiting + data, b""
        if self._is_full and self._exchange is None:
            self._wait(data)
        else:
            self._read(data)

    def eof_received(self) -> bool:
        """A caller that has said its last word has gone: what it asked for is not fetched any more (row O16)."""
        return False

    def pause_writing(self) -> None:
        """The caller reads slowly: so does the upstream's answer come (row O16)."""
        self._is_full = True
        busy = self._exchange or self._tunnel
        if busy is not None:
            busy.caller_is_full()

    def resume_writing(self) -> None:
        """It goes on."""
        self._is_full = False
        busy = self._exchange or self._tunnel
        if busy is not None:
            busy.caller_has_room()
        elif self._asking is None:
            self._go_on()

    @property
    def _is_tls(self) -> bool:
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None

    # Reading.

    def _read(self, data: bytes) -> None:
        while data and self._transport is not None and not self._lingers:
            try:
                if self._body is not None:
                    data = self._read_body(data)
                elif self._exchange is not None or self._asking is not None:
                    self._wait(data)
                    return
                else:
                    data = self._read_head(data)
                    if not data:
                        return
            except Malformed as fault:
                self._is_malformed(fault)
                return

    def _read_head(self, data: bytes) -> bytes:
        """What is left after the head and the beginning of its body; empty when more must come."""
        if data[:2] == b"\r\n":  # RFC 9112 §2.2: an empty line before a request is read over
            data = data[2:]
        end = end_of_head(data)
        if end < 0:
            if not self._waiting:
                self.deadline = self._service.monotonic() + HEAD_SECONDS
            self._waiting = data
            return b""
        head = request_head(data[:end], self._last_fields)
        fields = self._last_fields = head.fields
        options = fields.connection
        self.keeps_alive = b"close" not in options if head.minor else b"keep-alive" in options
        self._body = request_body(length=fields.length, chunked=fields.chunked)
        self._body_bytes = 0
        return self._begin(head, data[end + 4 :])

    def _begin(self, head: RequestHead, data: bytes) -> bytes:
        limit = self._service.settings.most_body_bytes
        try:
            if limit is not None and (head.fields.length or 0) > limit:
                raise Refusal(
                    413, "body_too_large", "The body is larger than this gateway takes.", closes=True
                )
            found = self._entrance.find(head)
        except Refusal as refusal:
            self._service.refused(refusal, head, self)
            self.refuse(refusal, head)
            return data
        if found is None:
            self._asking = self._service.loop.create_task(self._ask(head))
            self._wait(data)
            return b""
        if isinstance(found, Connect):
            self._asking = self._service.loop.create_task(connect(self, self._service, head, found))
            self._wait(data)
            return b""
        return self._start(head, found, data)

    async def _ask(self, head: RequestHead) -> None:
        try:
            found = await self._entrance.ask(head)
        except Refusal as refusal:
            self.refuse_asked(refusal, head)
            return
        except Exception:
            self.refuse_asked(Refusal(500, "fault", "A fault of the gateway itself.", closes=True), head)
            raise  # the loop reports it; the caller must not wait for ever
        if isinstance(found, Connect):
            await connect(self, self._service, head, found)
            return
        self._asking = None
        data, self._waiting = self._waiting, b""
        self.release("waiting")
        self._read(self._start(head, found, data))

    def _start(self, head: RequestHead, found: Found, data: bytes) -> bytes:
        exchange = self._exchange = Exchange(self, head, found, self._service)
        if self._body is None:
            exchange.request_done = True
        elif data:
            data = self._read_body(data)
        exchange.start()
        return data

    def _read_body(self, data: bytes) -> bytes:
        body, exchange = self._body, self._exchange
        assert body is not None  # noqa: S101 - whoever calls has looked; states it for the type
        piece, data = body.feed(data)
        if body.done:
            self._body = None
        self._body_bytes += len(piece)
        if exchange is None:
            if self._body_bytes > MOST_DRAINED_BYTES:
                self.abort()
            return data
        limit = self._service.settings.most_body_bytes
        if limit is not None and self._body_bytes > limit:
            raise TooLarge("the body is larger than this gateway takes")
        if piece:
            exchange.request_body(piece)
        if body.done:
            exchange.request_end()
        return data

    def _wait(self, data: bytes) -> None:
        self._waiting = data
        if len(data) > MOST_WAITING_BYTES:
            self.hold("waiting")

    def _is_malformed(self, fault: Malformed) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.caller_gone()
        self._body = None
        status = 400 if not isinstance(fault, TooLarge) else 431 if exchange is None else 413
        refusal = malformed(str(fault).capitalize(), status=status)
        self._service.refused(refusal, None, self)
        if exchange is not None and exchange.status:
            self.abort()
        else:
            self._answer(refusal, with_body=True)

    # What exchanges do.

    def write(self, data: bytes) -> None:
        """To the caller."""
        if self._transport is not None:
            self._transport.write(data)

    def hold(self, why: str) -> None:
        """Read no more from the caller until `release` is called with the same word."""
        self._holds.hold(why, self._transport)

    def release(self, why: str) -> None:
        """See `hold`."""
        self._holds.release(why, self._transport)

    def exchange_done(self, *, keeps_alive: bool) -> None:
        """The answer has gone. The next request is read, if there may be one."""
        self._exchange = None
        transport = self._transport
        if transport is None:
            return
        if not keeps_alive:
            self._close()
            return
        self.deadline = self._service.monotonic() + IDLE_SECONDS
        self._holds.release_all(transport)
        self._go_on()

    def _go_on(self) -> None:
        """Read the request that waits, unless its sender leaves the answers before it unread."""
        if self._waiting and not self._is_full:
            data, self._waiting = self._waiting, b""
            self._read(data)

    def refuse(self, refusal: Refusal, head: RequestHead) -> None:
        """The gateway's own answer, in place of an upstream's."""
        self._exchange = None
        # A client that waits for 100 Continue sends its body only if it wants to: the connection ends either way.
        expects = self._body is not None and head.fields.first(b"expect") != b""
        closes = refusal.closes or not self.keeps_alive or expects
        if closes:
            refusal.closes = True
        self._answer(refusal, with_body=head.method != b"HEAD")
        if not closes:
            self.exchange_done(keeps_alive=True)

    def _answer(self, refusal: Refusal, *, with_body: bool) -> None:
        self.write(answer(refusal, keeps_alive=not refusal.closes, with_body=with_body))
        if refusal.closes:
            self._close()

    def refuse_asked(self, refusal: Refusal, head: RequestHead) -> None:
        """The same for a request that was asked about in a task."""
        self._asking = None
        self._service.refused(refusal, head, self)
        self.refuse(refusal, head)

    @property
    def has_unread(self) -> bool:
        """True when bytes have come behind the request in hand."""
        return self._body is not None or bool(self._waiting)

    @property
    def transport(self) -> asyncio.Transport | None:
        """The connection, as long as it is there."""
        return self._transport

    def enters(self, entrance: Entrance) -> None:
        """From now on requests on this connection mean what `entrance` says."""
        self._entrance = entrance
        self._asking = self._last_fields = None
        self._go_on()

    def becomes_tunnel(self, exchange: Exchange | Tunnel) -> None:
        """From now on bytes pass as they are."""
        self._tunnel = exchange
        self._asking = None
        data, self._waiting = self._waiting, b""
        if data:
            exchange.tunnel(data)

    def close(self) -> None:
        """The tunnel's other end has closed."""
        self._close()

    def abort(self) -> None:
        """Break off: the caller must not take half an answer for a whole one."""
        if self._transport is not None:
            self._transport.abort()

    def end_if_late(self, now: float) -> None:
        """Cut a caller that takes too long over a head, or that is idle for too long."""
        if self._tunnel is None and self._exchange is None and self._asking is None and now > self.deadline:
            if self._lingers:
                self.abort()
            elif self._waiting:
                self._answer(
                    Refusal(408, "too_slow", "The head of the request took too long.", closes=True),
                    with_body=True,
                )
            else:
                self._close()

    def ends_soon(self) -> None:
        """The gateway ends: close now, or after the answer that is under way."""
        self.keeps_alive = False
        if self.is_idle:
            self._close()

    @property
    def is_idle(self) -> bool:
        """True between two requests."""
        return self._exchange is None and self._asking is None and self._tunnel is None

    def _close(self) -> None:
        """Close after what was written. What still comes is read over, so that the answer is not lost."""
        transport = self._transport
        if transport is None or self._lingers:
            return
        if self._is_tls or not transport.can_write_eof():
            transport.close()
            return
        self._lingers = True
        self._body = None
        self.deadline = self._service.monotonic() + LINGER_SECONDS
        transport.write_eof()
