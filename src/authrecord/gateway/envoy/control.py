"""The control process's own server: secrets for Envoys, and verdicts for their scripts.

Whoever it lets in gets every credential. So it listens on a Unix socket in a folder that only its owner opens, or
under mutual TLS (see `network`), or both.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ...core.errors import RecordFault, StoreFault
from ...core.replay import Reason
from ..answering import spelled
from ..listening import Listen
from ..metrics import Metrics
from .board import Board
from .broker import Broker, Suspicion, Verdict
from .discovery import METHOD, Discovery
from .doorkeeper import UNKNOWN, Doorkeeper, Question
from .messages import DeltaDiscoveryRequest
from .network import OPTIONS, Door

MOST_CREDENTIALS: Final = 32
_SERVICE: Final = "authrecord.Broker"
_GRACE: Final = 5.0
"""Seconds for questions that are being answered."""


class Control:
    """Serves any number of Envoys from one board and one broker."""

    def __init__(
        self, board: Board, broker: Broker, metrics: Metrics, doorkeeper: Doorkeeper | None = None
    ) -> None:
        self.discovery = Discovery(board)
        self._metrics = metrics
        self._broker = broker
        self._doorkeeper = doorkeeper
        self._server: Any = None
        self._socket: Path | None = None
        self.verdicts = 0
        """How many answers were judged."""

    async def start(
        self, socket: Path | None, *, place: Listen | None = None, door: Door | None = None
    ) -> int:
        """Listen on a Unix socket, which takes the place of one that a process left behind, and at `place`.

        The port of `place`, 0 without one. Raises `RecordFault` for a `place` without a `door`, and `StoreFault`
        for one that is taken.
        """
        from grpc import aio

        server = aio.server(options=(("grpc.max_concurrent_streams", 100_000), *OPTIONS))
        server.add_generic_rpc_handlers(self._handlers())
        port = 0 if place is None else _open_port(server, place, door)
        before = os.umask(0o177)
        try:
            if socket is not None:
                _gone(socket)
                server.add_insecure_port(f"unix:{socket}")
            await server.start()
        finally:
            os.umask(before)
        self._server, self._socket = server, socket
        return port

    async def stop(self) -> None:
        """End every stream. Envoys go on with what they hold, and come back to the next control process."""
        if self._server is not None:
            self.discovery.end()
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
        broker = {"Judge": unary(self._judge), "Admit": unary(self._admit)}
        return (
            grpc.method_handlers_generic_handler(service, {method: stream}),
            grpc.method_handlers_generic_handler(_SERVICE, broker),
        )

    async def _judge(self, shown: bytes, context: Any) -> bytes:
        seen = suspicion_of(dict(context.invocation_metadata()), shown)
        verdict = await self._broker.judge(seen)
        self.verdicts += 1
        if verdict.replay:
            self._metrics.replays += 1
        elif verdict.reason is not Reason.AUTHENTICATED:
            self._metrics.ended(verdict.reason.name.lower(), expired=verdict.expired)
        await context.send_initial_metadata(_told(verdict, self._broker.current(seen.target)))
        return b""

    async def _admit(self, nothing: bytes, context: Any) -> bytes:
        told = dict(context.invocation_metadata())
        question = Question(
            told.get("authrecord-proof", ""),
            _names(told.get("authrecord-records", "")),
            _names(told.get("authrecord-any", "")),
            is_shared=told.get("authrecord-shared") != "0",
        )
        said = UNKNOWN.code if self._doorkeeper is None else await self._doorkeeper.admit(question)
        await context.send_initial_metadata((("authrecord-admission", said),))
        return b""


def _told(verdict: Verdict, credentials: Iterable[str | None]) -> tuple[tuple[str, str], ...]:
    """A verdict as the script reads it. `credentials`: those for a second attempt."""
    if verdict.refusal is not None:
        return (
            ("authrecord-decision", "refuse"),
            ("authrecord-code", verdict.refusal.code),
            ("authrecord-answer", verdict.refusal.body().decode("ascii")),
        )
    if verdict.replay:
        numbered = enumerate(credentials, start=1)
        found = (
            (f"authrecord-credential-{number}", value) for number, value in numbered if value is not None
        )
        return ("authrecord-decision", "replay"), *found
    return ("authrecord-decision", "keep"), ("authrecord-outcome", spelled(verdict.reason).decode())


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _open_port(server: Any, place: Listen, door: Door | None) -> int:
    if door is None:
        raise RecordFault(
            f"{place} can be reached by others, and whoever gets in gets every credential: it needs mutual TLS.",
            field="listen",
            hint="Give --tls-certificate, --tls-key and --client-ca, or share the socket of a --folder.",
            code="not_local",
        )
    try:
        return int(server.add_secure_port(str(place), door.credentials()))
    except RuntimeError:
        raise StoreFault(
            f"cannot listen at {place}.",
            hint="Name another address, or end what listens there.",
            code="port_taken",
        ) from None


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
        attempt=max(_number(told.get("authrecord-attempt", "1")), 1),
        method=told.get("authrecord-method", "GET"),
        sent=max(_number(sent), _number(length)),
        status=_number(told.get("authrecord-status", "0")),
        holds=told.get("authrecord-holds") == "1",
        credentials=tuple(credentials),
        shown=shown,
    )


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 19 else 0
