"""A proxy that does to connections what networks do: delays, resets, half-closes, swallows, refuses.

It forwards bytes from TCP to TCP or to a Unix socket, in both directions, whatever they mean. Faults can be set
and taken away while it runs, from any thread; they hold for connections that are open as well as for new ones.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

PIECE: Final = 65536
"""Bytes that are read at a time."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with the network now.

    `latency`: seconds that each piece takes on its way. `reset_after`: a connection is reset (RST) when that many
    bytes have come from the client, those before included. `half_closed`: what the server says is cut off with a
    FIN, what the client says still arrives. `swallowing`: bytes disappear and nobody is told. `refusing`: new
    connections are reset at once and the open ones too.
    """

    latency: float = 0.0
    reset_after: int | None = None
    half_closed: bool = False
    swallowing: bool = False
    refusing: bool = False


HEALTHY: Final = Faults()


class FaultProxy:
    """Listens on loopback at `port` (0: the operating system's choice) or at `path`, and forwards to `target`.

    `target`: host and port, or the path of a Unix socket. `path`: of a Unix socket, which network namespaces share.
    `with` starts and stops it.
    """

    def __init__(self, target: tuple[str, int] | Path, *, port: int = 0, path: Path | None = None) -> None:
        self.port = port
        self.path = path
        self._target = target
        self._faults = HEALTHY
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        if self.path is None:
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *exception: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def faults(self) -> Faults:
        """What is wrong now."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._loop.call_soon_threadsafe(self._apply)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _apply(self) -> None:
        for connection in list(self._connections):
            connection.meet(self._faults)

    async def _listen(self) -> asyncio.Server:
        if self.path is not None:
            return await asyncio.start_unix_server(self._serve, str(self.path))
        return await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _ in range(5):  # transports close their sockets in the next rounds of the loop
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with suppress(
            OSError, asyncio.CancelledError
        ):  # what the two ends do to each other is their business
            if self._faults.refusing:
                _reset(writer)
                return
            if isinstance(self._target, Path):
                upstream = await asyncio.open_unix_connection(str(self._target))
            else:
                upstream = await asyncio.open_connection(*self._target)
            await self._forward(_Connection((reader, writer), upstream))
        writer.close()

    async def _forward(self, connection: _Connection) -> None:
        self._connections.add(connection)
        try:
            connection.meet(self._faults)
            await asyncio.gather(
                self._pump(connection, connection.client[0], connection.server[1], counted=True),
                self._pump(connection, connection.server[0], connection.client[1], counted=False),
            )
        finally:
            self._connections.discard(connection)
            connection.server[1].close()
            connection.client[1].close()

    async def _pump(
        self,
        connection: _Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        counted: bool,
    ) -> None:
        """Forward one direction until its end."""
        while piece := await reader.read(PIECE):
            if self._faults.latency:
                await asyncio.sleep(self._faults.latency)
            if counted:
                connection.counted += len(piece)
                connection.meet(self._faults)
            if connection.silenced and not counted:
                continue
            if connection.spoiled or self._faults.swallowing:
                connection.spoiled = True  # a stream with a hole in it is never joined together again
                continue
            if writer.is_closing():
                return
            writer.write(piece)
            await writer.drain()
        ended = connection.spoiled or (connection.silenced and not counted)
        if not ended and not writer.is_closing():
            writer.write_eof()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, client: Stream, server: Stream) -> None:
        self.client = client
        self.server = server
        self.counted = 0
        self.spoiled = False
        self.silenced = False

    def meet(self, faults: Faults) -> None:
        """Let `faults` happen to this connection."""
        if faults.refusing or (faults.reset_after is not None and self.counted >= faults.reset_after):
            _reset(self.client[1])
            self.server[1].transport.abort()
        elif faults.half_closed and not self.silenced and not self.client[1].is_closing():
            self.silenced = True
            self.client[1].write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: a socket that lingers for no time throws away what is under way (socket(7))."""
    sock: socket.socket = writer.get_extra_info("socket")
    with suppress(OSError):  # the other end was quicker
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
