"""Opaque tunnels: bytes pass as they are, and whoever reads slowly slows the other end down."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .caller import CallerConnection

WRITE_BUFFER_BYTES = 256 * 1024


class Tunnel(asyncio.Protocol):
    """The far end of a tunnel; the near end is a caller's connection."""

    request_done = True

    def __init__(self, caller: CallerConnection) -> None:
        self._caller = caller
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The far end is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """From the far end."""
        self._caller.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        """The far end has gone."""
        self._transport = None
        self._caller.close()

    def pause_writing(self) -> None:
        """The far end reads slowly."""
        self._caller.hold("upstream")

    def resume_writing(self) -> None:
        """It goes on."""
        self._caller.release("upstream")

    def tunnel(self, data: bytes) -> None:
        """From the caller."""
        if self._transport is not None:
            self._transport.write(data)

    def caller_gone(self) -> None:
        """The caller has gone; what it said last still arrives."""
        if self._transport is not None:
            self._transport.close()

    def caller_is_full(self) -> None:
        """The caller reads slowly."""
        if self._transport is not None:
            self._transport.pause_reading()

    def caller_has_room(self) -> None:
        """It goes on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
