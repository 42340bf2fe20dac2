"""A connection to an upstream that speaks HTTP/2 (RFC 9113): many requests at a time.

Names of fields are lower case there, which is the one thing that does not stay as the client wrote it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from .grammar import Fields, Malformed, ResponseHead
from .ports import Sending
from .refusals import Refusal, phrase

if TYPE_CHECKING:
    from .exchange import Exchange
    from .pool import Place, Pool

WINDOW_BYTES: Final = 256 * 1024
"""What the upstream may send of one answer before the caller has taken any of it."""

CONNECTION_WINDOW_BYTES: Final = 4 * 1024 * 1024
MOST_PENDING_BYTES: Final = 256 * 1024
_NOT_IN_H2: Final = frozenset(
    b"host connection transfer-encoding upgrade keep-alive proxy-connection".split()
)


class H2Stream:
    """One request on an `H2Connection`; see `ports.Upstream`."""

    def __init__(self, connection: H2Connection, *, is_fresh: bool) -> None:
        self._connection = connection
        self.is_fresh = is_fresh
        self.exchange: Exchange | None = None
        self.number = 0
        self.pending = bytearray()
        self.request_done = False
        self.answered = False
        self.is_full = False
        self.is_paused = False
        self.unacknowledged = 0

    def begin(self, exchange: Exchange, sending: Sending, pieces: list[bytes]) -> None:
        """Send the head, and what has come of the body."""
        self.exchange = exchange
        self._connection.begin(self, sending)
        for piece in pieces:
            self.send(piece)

    def send(self, data: bytes) -> None:
        """Send more of the body, as far as the upstream's windows let us; the rest waits."""
        self.pending += data
        self._connection.flush(self)
        if len(self.pending) > MOST_PENDING_BYTES and not self.is_full and self.exchange is not None:
            self.is_full = True
            self.exchange.upstream_is_full()

    def end(self) -> None:
        """The body is complete."""
        self.request_done = True
        self._connection.flush(self)

    def cancel(self) -> None:
        """The answer is not wanted."""
        self.exchange = None
        self._connection.cancel(self)

    def pause_reading(self) -> None:
        """Grant the upstream no more of this answer."""
        self.is_paused = True

    def resume_reading(self) -> None:
        """Grant it again what the caller has taken."""
        self.is_paused = False
        self._connection.acknowledge(self, 0)


class H2Connection(asyncio.Protocol):
    """Takes the place of an `UpstreamConnection` when the upstream chose `h2`. `authority`: of its origin."""

    def __init__(self, pool: Pool, place: Place, authority: bytes, scheme: bytes) -> None:
        self._pool = pool
        self._place = place
        self._authority = authority
        self._scheme = scheme
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, H2Stream] = {}
        self._ends = False
        self._count = 0
        self._machine = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding=None)
        )
        self.idle_since = 0.0

    @property
    def has_room(self) -> bool:
        """True while another request may be sent."""
        machine = self._machine
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and not self._ends
            and machine.open_outbound_streams < machine.remote_settings.max_concurrent_streams
        )

    @property
    def is_idle(self) -> bool:
        """True while no request is on its way."""
        return not self._streams

    def stream(self) -> H2Stream:
        """For one request."""
        self._count += 1
        return H2Stream(self, is_fresh=self._count == 1)

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say how much we take at a time."""
        self._transport = cast("asyncio.Transport", transport)
        self._machine.initiate_connection()
        self._machine.update_settings(
            {
                h2.settings.SettingCodes.ENABLE_PUSH: 0,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW_BYTES,
            }
        )
        self._machine.increment_flow_control_window(CONNECTION_WINDOW_BYTES)
        self._write()

    def connection_lost(self, error: Exception | None) -> None:
        """Every answer that is not complete is broken."""
        self._transport = None
        self._pool.lost_h2(self, self._place)
        for stream in list(self._streams.values()):
            self._fail(stream, unanswered=not stream.answered)

    def data_received(self, data: bytes) -> None:
        """Frames."""
        try:
            events = self._machine.receive_data(data)
            for event in events:
                self._take(event)
        except (h2.exceptions.H2Error, Malformed):
            self._write()
            self.close()
            return
        self._write()
        for stream in list(self._streams.values()):
            if stream.exchange is not None:
                stream.exchange.flush()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            for waiting in list(self._streams.values()):
                self.flush(waiting)
            return
        if isinstance(event, h2.events.ConnectionTerminated):
            self._goes_away(event.last_stream_id or 0)
            return
        number = getattr(event, "stream_id", None)
        stream = self._streams.get(number) if isinstance(number, int) else None
        if stream is None:
            if isinstance(event, h2.events.DataReceived):
                self._machine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            return
        if isinstance(event, h2.events.ResponseReceived | h2.events.InformationalResponseReceived):
            stream.answered = True
            if stream.exchange is not None:
                stream.exchange.upstream_head(_head(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            if stream.exchange is not None and event.data:
                stream.exchange.upstream_body(event.data)
            self.acknowledge(stream, event.flow_controlled_length)
        elif isinstance(event, h2.events.StreamEnded):
            self._end(stream)
        elif isinstance(event, h2.events.StreamReset):
            refused = event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM
            self._fail(stream, unanswered=refused or not stream.answered)

    # What streams do.

    def begin(self, stream: H2Stream, sending: Sending) -> None:
        """Open a stream with this head."""
        headers = [
            (b":method", sending.method),
            (b":scheme", self._scheme),
            (b":authority", self._authority),
            (b":path", sending.target),
        ]
        for line in sending.fields.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if colon and (lower := name.lower()) not in _NOT_IN_H2:
                headers.append((lower, value.strip(b" \t")))
        stream.number = self._machine.get_next_available_stream_id()
        self._streams[stream.number] = stream
        self._machine.send_headers(stream.number, headers)
        self._write()

    def flush(self, stream: H2Stream) -> None:
        """Send what waits, as far as the windows reach."""
        if stream.number not in self._streams or self._transport is None:
            return
        machine = self._machine
        try:
            while stream.pending:
                room = min(machine.local_flow_control_window(stream.number), machine.max_outbound_frame_size)
                if room <= 0:
                    break
                machine.send_data(stream.number, bytes(stream.pending[:room]))
                del stream.pending[:room]
            if stream.request_done and not stream.pending:
                stream.request_done = False
                machine.end_stream(stream.number)
        except h2.exceptions.StreamClosedError:
            stream.pending.clear()  # the upstream has answered without waiting for the rest
        if stream.is_full and len(stream.pending) <= MOST_PENDING_BYTES // 2 and stream.exchange is not None:
            stream.is_full = False
            stream.exchange.upstream_has_room()
        self._write()

    def acknowledge(self, stream: H2Stream, count: int) -> None:
        """Grant the upstream as much again, unless the caller reads slowly."""
        stream.unacknowledged += count
        if stream.is_paused or not stream.unacknowledged or self._transport is None:
            return
        granted, stream.unacknowledged = stream.unacknowledged, 0
        try:
            self._machine.acknowledge_received_data(granted, stream.number)
        except h2.exceptions.StreamClosedError:
            return  # it has ended: nothing is granted to it any more
        self._write()

    def cancel(self, stream: H2Stream) -> None:
        """Tell the upstream to stop."""
        if self._streams.pop(stream.number, None) is None:
            return
        try:
            self._machine.reset_stream(stream.number, h2.errors.ErrorCodes.CANCEL)
        except h2.exceptions.StreamClosedError:
            return  # it was over already
        self._write()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _end(self, stream: H2Stream) -> None:
        self._streams.pop(stream.number, None)
        self.idle_since = self._pool.now()
        exchange, stream.exchange = stream.exchange, None
        if exchange is not None:
            exchange.upstream_end()

    def _fail(self, stream: H2Stream, *, unanswered: bool) -> None:
        self._streams.pop(stream.number, None)
        exchange, stream.exchange = stream.exchange, None
        if exchange is not None:
            refusal = Refusal(502, "upstream_failed", "The upstream broke its answer off.")
            exchange.upstream_failed(refusal, unanswered=unanswered)

    def _goes_away(self, last: int) -> None:
        """No new requests; those that the upstream has not taken up may go elsewhere."""
        self._ends = True
        for number, stream in list(self._streams.items()):
            if number > last:
                self._fail(stream, unanswered=True)

    def _write(self) -> None:
        data = self._machine.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)


def _head(headers: object) -> ResponseHead:
    """A head as the rest of the gateway knows it. Raises `Malformed`."""
    pairs = [(bytes(name), bytes(value)) for name, value in cast("list[tuple[bytes, bytes]]", headers)]
    status = next((value for name, value in pairs if name == b":status"), b"")
    if len(status) != 3 or not status.isdigit():
        raise Malformed("the answer has no status")
    raw = b"\r\n".join(name + b": " + value for name, value in pairs if not name.startswith(b":"))
    fields = Fields(raw)
    return ResponseHead(int(status), phrase(int(status)).encode("ascii"), 1, fields)
