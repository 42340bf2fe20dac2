"""The control process's own server: secrets for Envoys, and verdicts for their scripts, on one private socket.

Whoever reaches it gets every credential. So it is a Unix socket in a folder that only its owner opens.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Final

from ...core.errors import AuthrecordError
from ..answering import spelled
from .board import Board
from .broker import Broker, Suspicion
from .discovery import METHOD, Discovery
from .messages import DeltaDiscoveryRequest

log = logging.getLogger("authrecord")

MOST_CREDENTIALS: Final = 32
_SERVICE: Final = "authrecord.Broker"
_GRACE: Final = 1.0


class Control:
    """Serves any number of Envoys from one board and one broker."""

    def __init__(self, board: Board, broker: Broker) -> None:
        self.discovery = Discovery(board)
        self._broker = broker
        self._server: Any = None
        self._socket: Path | None = None
        self.verdicts = 0
        """How many answers were judged."""

    async def start(self, socket: Path) -> None:
        """Listen on a Unix socket, which takes the place of one that a process left behind."""
        from grpc import aio

        _gone(socket)
        server = aio.server(options=(("grpc.max_concurrent_streams", 100_000),))
        server.add_generic_rpc_handlers(self._handlers())
        before = os.umask(0o177)
        try:
            server.add_insecure_port(f"unix:{socket}")
            await server.start()
        finally:
            os.umask(before)
        self._server, self._socket = server, socket

    async def stop(self) -> None:
        """End every stream. Envoys go on with what they hold, and come back to the next control process."""
        if self._server is not None:
            await self._server.stop(_GRACE)
        if self._socket is not None:
            _gone(self._socket)

    def _handlers(self) -> tuple[Any, ...]:
        import grpc

        service, method = METHOD
        stream = grpc.stream_stream_rpc_method_handler(
            self.discovery.stream,
            request_deserializer=DeltaDiscoveryRequest.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        unary = grpc.unary_unary_rpc_method_handler
        broker = {"Judge": unary(self._judge), "Current": unary(self._current)}
        return (
            grpc.method_handlers_generic_handler(service, {method: stream}),
            grpc.method_handlers_generic_handler(_SERVICE, broker),
        )

    async def _judge(self, shown: bytes, context: Any) -> bytes:
        verdict = await self._broker.judge(suspicion_of(dict(context.invocation_metadata()), shown))
        self.verdicts += 1
        await context.send_initial_metadata(
            (
                ("authrecord-decision", "replay" if verdict.replay else "keep"),
                ("authrecord-outcome", spelled(verdict.reason).decode()),
            )
        )
        return b""

    async def _current(self, nothing: bytes, context: Any) -> bytes:
        target = dict(context.invocation_metadata()).get("authrecord-target", "")
        try:
            values = self._broker.current(target)
        except AuthrecordError as error:
            log.warning("Envoy asked for a credential in vain: %s", error.message)
            values = ()
        found = [
            (f"authrecord-credential-{number}", value)
            for number, value in enumerate(values, start=1)
            if value is not None
        ]
        await context.send_initial_metadata(tuple(found))
        return b""


def _gone(socket: Path) -> None:
    socket.unlink(missing_ok=True)


def suspicion_of(told: dict[str, str], shown: bytes) -> Suspicion:
    """What a script told, read. A length that nobody named is that of what has come."""
    sent, length = told.get("authrecord-sent-bytes", "0"), told.get("authrecord-length", "-")
    credentials = []
    for number in range(1, MOST_CREDENTIALS + 1):
        part = told.get(f"authrecord-credential-{number}")
        if part is None:
            break
        credentials.append(part)
    return Suspicion(
        target=told.get("authrecord-target", ""),
        attempt=2 if told.get("authrecord-attempt") == "2" else 1,
        method=told.get("authrecord-method", "GET"),
        sent=max(_number(sent), _number(length)),
        status=_number(told.get("authrecord-status", "0")),
        credentials=tuple(credentials),
        shown=shown,
    )


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 19 else 0
