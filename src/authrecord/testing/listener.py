"""Listens on loopback, in a thread with an event loop of its own, and parses HTTP/1.1 with h11."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import h11

from .messages import Received, Reply

BACKLOG = 4096
LONGEST_BODY = 64 * 1024 * 1024

Handle = Callable[[Received], Awaitable[Reply]]


class Listener:
    """A server on 127.0.0.1 (or `host`, such as `::1`) with a port from the operating system, 0 until it starts.

    `note_bytes` is called with every piece of bytes that arrives (decrypted with `tls`), before it is parsed.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        note_bytes: Callable[[bytes], None] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._handle = handle
        self._tls = tls
        self._note_bytes = note_bytes
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="authrecord-testing", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a URL has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def start(self) -> None:
        """Begin to listen. Raises `OSError` when the address cannot be had."""
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, self.host, self.port, backlog=BACKLOG, ssl=self._tls),
            self._loop,
        )
        try:
            self._server = started.result(10)
        except BaseException:
            self._end()
            raise
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Stop listening and close every connection. A second call does nothing."""
        if self._loop.is_closed() or self._server is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _close(self) -> None:
        # A connection that was accepted this moment needs some rounds of the loop before it is a task that closes
        # what it opened (asyncio drops it, open, if the server is closed before), a transport until its socket is.
        await _rounds(10)
        if self._server is not None:
            self._server.close()
        # Connections, and those whose TLS handshake is still under way, which only asyncio knows of.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await _rounds(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs is a task; states it for the type
        self._connections.add(task)
        try:
            # What a client does to its connection, and what a fake is told to send, is no defect of the server.
            with suppress(ConnectionError, ssl.SSLError, h11.LocalProtocolError, asyncio.CancelledError):
                await _Connection(reader, writer, self._handle, self._note_bytes).run()
        finally:
            self._connections.discard(task)
            writer.close()


async def _rounds(number: int) -> None:
    """Let the loop go round."""
    for _ in range(number):
        await asyncio.sleep(0)


class _Connection:
    """One connection: requests one after another, until either side has enough."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handle: Handle,
        note_bytes: Callable[[bytes], None] | None,
    ) -> None:
        self._note_bytes = note_bytes
        self._reader = reader
        self._writer = writer
        self._handle = handle
        self._http = h11.Connection(h11.SERVER)
        tls = writer.get_extra_info("ssl_object")
        self._certificate = tls.getpeercert() if tls is not None else None

    async def run(self) -> None:
        while True:
            try:
                received = await self._receive()
            except h11.RemoteProtocolError as error:
                await self._reply(Reply(error.error_status_hint, (("connection", "close"),)), "GET")
                return
            if received is None:
                return
            reply = await self._handle(received)
            if reply.raw is not None:
                async for piece in reply.raw():
                    self._writer.write(piece)
                    await self._writer.drain()
                if reply.reset:
                    self._reset()
                return
            await self._reply(reply, received.method)
            if self._http.our_state is h11.MUST_CLOSE:
                return
            self._http.start_next_cycle()

    async def _receive(self) -> Received | None:
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = await self._event()
            if isinstance(event, h11.Request):
                request = event
                if self._http.they_are_waiting_for_100_continue:
                    self._writer.write(
                        self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                    )
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LONGEST_BODY:
                    return None
            elif isinstance(event, h11.EndOfMessage):
                assert request is not None  # noqa: S101 - h11 gives no end without a beginning
                return Received(
                    request.method.decode("ascii"),
                    request.target.decode("latin-1"),
                    tuple(
                        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers
                    ),
                    bytes(body),
                    self._certificate,
                )
            else:
                return None

    async def _event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await self._reader.read(65536)
                if self._note_bytes is not None and data:
                    self._note_bytes(data)
                self._http.receive_data(data)
                continue
            return event

    def _reset(self) -> None:
        """Close with RST: a socket that lingers for no time throws away what is under way (socket(7))."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _reply(self, reply: Reply, method: str) -> None:
        headers = list(reply.headers)
        if reply.chunks is not None:
            headers.append(("transfer-encoding", "chunked"))
        elif reply.status >= 200 and reply.status not in {204, 304}:
            headers.append(("content-length", str(len(reply.body))))
        send = self._http.send
        head = send(h11.Response(status_code=reply.status, headers=headers)) or b""
        if reply.chunks is not None and method != "HEAD":
            self._writer.write(head)
            async for chunk in reply.chunks():
                self._writer.write(send(h11.Data(data=chunk)) or b"")
                await self._writer.drain()
            self._writer.write(send(h11.EndOfMessage()) or b"")
        else:
            body = (
                b""
                if method == "HEAD" or reply.status in {204, 304}
                else send(h11.Data(data=reply.body)) or b""
            )
            self._writer.write(head + body + (send(h11.EndOfMessage()) or b""))
        await self._writer.drain()
