"""One request and its answer: from the caller to an upstream and back, once more if the credential had expired.

It is driven by callbacks of the two connections, so that the usual request costs no task. Nothing of an answer
reaches the caller before it is judged; nothing is collected beyond the bounds of a replay and of a pattern.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from ..core.replay import Reason
from .answering import Answer, interim
from .bodies import LAST_CHUNK, chunk
from .dressing import Dressing, asks_for_websocket, dressed
from .entrances import Found
from .grammar import RequestHead, ResponseHead
from .holding import Holding
from .judging import Judge
from .kept import KeptBody
from .ports import Sending, Upstream
from .refusals import Refusal

if TYPE_CHECKING:
    from .caller import CallerConnection
    from .service import Service

MOST_ATTEMPTS: Final = 2
_IDEMPOTENT: Final = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"})


class Exchange:
    """Made by a `CallerConnection` for each request."""

    def __init__(self, caller: CallerConnection, head: RequestHead, found: Found, service: Service) -> None:
        self._caller = caller
        self._service = service
        self._found = found
        self.head = head
        self.began = service.monotonic()
        self.request_done = False
        self.status = 0
        self.sent_bytes = 0
        self.judge: Judge | None = None
        self.is_tunnel = False
        self._dressing: Dressing | None = None
        self._upstream: Upstream | None = None
        self._answer: Answer | None = None
        self._kept = KeptBody(service.settings.replay_bytes)
        self._holding: Holding | None = None
        self._out: list[bytes] = []
        self._ended = False
        self._attempts = 0
        self._task: asyncio.Task[None] | None = None

    # What the caller's connection tells.

    def start(self) -> None:
        """Send the request; with a live credential and an idle connection at once."""
        try:
            dressing = self._found.route.ready()
            if dressing is None:
                self._run(self._obtained_and_sent())
            else:
                self._send(dressing)
        except Refusal as refusal:
            self._refuse(refusal)

    def request_body(self, data: bytes) -> None:
        """More of the request's body has come."""
        self._kept.add(data)
        if self._upstream is not None:
            self._upstream.send(data)
            self._forget_large_body()
        elif self._kept.is_large:
            self._caller.hold("connecting")

    def request_end(self) -> None:
        """The request's body is complete."""
        self.request_done = True
        if self._upstream is not None:
            self._upstream.end()

    def caller_gone(self) -> None:
        """Nobody waits for the answer: the upstream is told so. A renewal that has begun goes on (row H10)."""
        self._stop()

    def caller_is_full(self) -> None:
        """The caller reads more slowly than the upstream writes."""
        if self._upstream is not None:
            self._upstream.pause_reading()

    def caller_has_room(self) -> None:
        """The caller has read on."""
        if self._upstream is not None and self._holding is None:
            self._upstream.resume_reading()

    # What the upstream tells.

    def upstream_is_full(self) -> None:
        """The upstream reads more slowly than the caller writes."""
        self._caller.hold("upstream")

    def upstream_has_room(self) -> None:
        """The upstream has read on."""
        self._caller.release("upstream")

    def upstream_head(self, head: ResponseHead) -> None:
        """The head of an answer, interim ones included."""
        if head.status < 200:
            if head.status == 101:
                self._becomes_tunnel(head)
            elif self.head.minor:
                self._caller.write(interim(head))
            return
        self._answer = Answer(self.head, head, self._found, self._dressing)
        if self._found.route.authenticators and (head.status >= 300 or self._found.route.judges_body):
            self._begin_to_judge(head)
        else:
            self._pass()

    def upstream_body(self, data: bytes) -> None:
        """More of the answer's body."""
        if self._holding is None:
            assert self._answer is not None  # noqa: S101 - a body follows a head; states it for the type
            self.sent_bytes += len(data)
            self._out.append(chunk(data) if self._answer.in_chunks else data)
        else:
            self._holding.feed(data)
            self._rest_waits()

    def flush(self) -> None:
        """Everything of the answer that came in one read goes out in one write."""
        out = self._out
        if out:
            self._out = []
            self._caller.write(out[0] if len(out) == 1 else b"".join(out))

    def upstream_end(self) -> None:
        """The answer is complete; its connection is somebody else's by now."""
        self._upstream = None
        self._ended = True
        if self._holding is None:
            self._finish()
        else:
            self._holding.end()

    def upstream_failed(self, refusal: Refusal, *, unanswered: bool) -> None:
        """The connection broke. `unanswered`: no byte of an answer had come."""
        upstream, self._upstream = self._upstream, None
        if self._holding is not None and self._holding.is_decided:
            return  # a renewal is under way; if it ends in a replay, this answer is not needed
        may_repeat = unanswered and self._kept.is_there and self._attempts < MOST_ATTEMPTS
        if upstream is not None and not upstream.is_fresh and may_repeat and self.head.method in _IDEMPOTENT:
            assert self._dressing is not None  # noqa: S101 - it was sent once; states it for the type
            self._run(self._connected_and_sent(self._dressing))
            return
        self._refuse(refusal)

    def tunnel(self, data: bytes) -> None:
        """Bytes of an upgraded connection, from the caller."""
        if self._upstream is not None:
            self._upstream.send(data)

    def tunnel_closed(self) -> None:
        """The upstream has ended an upgraded connection."""
        self._upstream = None
        self._caller.close()

    # Sending.

    async def _obtained_and_sent(self) -> None:
        self._send(await self._found.route.obtain())

    def _send(self, dressing: Dressing) -> None:
        self._dressing = dressing
        upstream = self._service.pool.idle(
            self._found.route,
            may_repeat=self.head.method in _IDEMPOTENT,
            upgrades=asks_for_websocket(self.head.fields),
        )
        if upstream is None:
            self._run(self._connected_and_sent(dressing))
        else:
            self._send_on(upstream, dressing)

    async def _connected_and_sent(self, dressing: Dressing) -> None:
        upgrades = asks_for_websocket(self.head.fields)
        self._send_on(await self._service.pool.connected(self._found.route, upgrades=upgrades), dressing)

    def _send_on(self, upstream: Upstream, dressing: Dressing) -> None:
        """Raises `Refusal` where the rule refuses the client's own credential; `upstream` goes back unused."""
        try:
            target, fields = dressed(self.head.fields, self._found.target, dressing, self._found.spent)
        except Refusal:
            upstream.cancel()
            raise
        self._attempts += 1
        self._upstream = upstream
        pieces = self._kept.pieces
        assert pieces is not None  # noqa: S101 - a body that was let go is not sent again; for the type
        sending = Sending(self.head.method, target, fields, chunked=self.head.fields.chunked)
        upstream.begin(self, sending, pieces)
        if self.request_done:
            upstream.end()
        self._forget_large_body()
        self._caller.release("connecting")

    def _forget_large_body(self) -> None:
        """A body beyond the bound cannot be replayed; it stays while just that is being decided."""
        if self._holding is None:
            self._kept.let_go_if_large()

    # Judging.

    def _begin_to_judge(self, head: ResponseHead) -> None:
        if self.judge is None:
            assert self._dressing is not None  # noqa: S101 - it was sent; states it for the type
            self.judge = Judge(
                self._found.route,
                self._dressing,
                self.head.method.decode("ascii"),
                replayable=self._kept.is_there,
                young=self._service.settings.young_seconds,
                now=self._service.time,
            )
        self._holding = Holding(self.judge, head, self._decided, self._service.loop)
        self._holding.begin()

    def _decided(self, wants_renewal: bool, late: bool) -> None:
        if not wants_renewal:
            self._pass()
            if late:
                self.flush()
            return
        self._caller.hold("renewing")
        self._rest_waits()
        assert self._answer is not None  # noqa: S101 - it was judged; states it for the type
        self._run(self._renewed(self._answer.head.status))

    def _rest_waits(self) -> None:
        """A refusal is read to its end beside the renewal, so that its connection carries the request again.

        What is longer than a refusal waits, and its connection is given up.
        """
        if self._holding is not None and self._holding.is_full and self._upstream is not None:
            self._upstream.pause_reading()

    async def _renewed(self, status: int) -> None:
        assert self.judge is not None  # noqa: S101 - it asked for this; states it for the type
        replays = await self.judge.renewed(status)
        self._caller.release("renewing")
        if not replays:
            if self._upstream is not None:
                self._upstream.resume_reading()
            elif not self._ended:
                raise Refusal(502, "upstream_failed", "The upstream broke off its answer.")
            self._pass()
            self.flush()
            return
        if self._upstream is not None:
            self._upstream.cancel()
            self._upstream = None
        self._holding, self._answer, self._ended = None, None, False
        self._service.metrics.replays += 1
        dressing = await self._found.route.obtain()
        self.judge.goes_on(dressing)
        self._send(dressing)

    def _pass(self) -> None:
        """The answer goes to the caller: its head now, what was held of its body, and the rest as it comes."""
        answer = self._answer
        assert answer is not None  # noqa: S101 - there is one to pass; states it for the type
        holding, self._holding = self._holding, None
        self.status = answer.head.status
        reason = Reason.AUTHENTICATED if self.judge is None else self.judge.reason
        self._out.append(answer.rendered(reason, closes=not self._caller.keeps_alive))
        if holding is not None:
            for piece in holding.pieces:
                self.upstream_body(piece)
        if self._ended:
            self._finish()

    # The end.

    def _finish(self) -> None:
        answer = self._answer
        assert answer is not None  # noqa: S101 - it has ended; states it for the type
        if answer.in_chunks:
            self._out.append(LAST_CHUNK)
        self.flush()
        self._count()
        self._caller.exchange_done(keeps_alive=not answer.ends_connection)

    def _count(self) -> None:
        service, found = self._service, self._found
        service.metrics.answered(
            self.status, service.monotonic() - self.began, authenticated=bool(found.route.authenticators)
        )
        if self.judge is not None and self.judge.reason is not Reason.AUTHENTICATED:
            service.metrics.ended(self.judge.reason.name.lower(), expired=self.judge.expired is not None)
        if service.access_log is not None:
            service.access_log.wrote(self, found, self._caller.peer)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer for the upstream; where its answer has begun, the connection breaks off instead."""
        self._stop()
        if self.status:
            self._caller.abort()
            return
        self.status = refusal.status
        self._service.metrics.refused(refusal.code, refusal.detail, self._service.time())
        self._count()
        self._caller.refuse(refusal, self.head)

    def _becomes_tunnel(self, head: ResponseHead) -> None:
        if not asks_for_websocket(self.head.fields):
            self._refuse(
                Refusal(502, "upstream_failed", "The upstream changed to a protocol nobody asked for.")
            )
            return
        self.is_tunnel = True
        self.status = 101
        self._answer = Answer(self.head, head, self._found, self._dressing)
        self._service.metrics.tunnels += 1
        self._out.append(self._answer.upgraded())
        self.flush()
        self._caller.becomes_tunnel(self)
        self._count()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = self._service.loop.create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Refusal as refusal:
            self._refuse(refusal)
        except Exception:
            self._refuse(Refusal(500, "fault", "A fault of the gateway itself."))
            raise  # the loop reports it; the caller must not wait for ever

    def _stop(self) -> None:
        if self._holding is not None:
            self._holding.stop()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._task = None
        if self._upstream is not None:
            self._upstream.cancel()
            self._upstream = None
