"""The access log: one line of JSON for each request. No query, no header, no body: they hold secrets (row F5)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .answering import spelled
from .grammar import RequestHead
from .refusals import Refusal

if TYPE_CHECKING:
    from .entrances import Found
    from .exchange import Exchange

LONGEST_PATH: Final = 1024


class AccessLog:
    """Writes lines through `write`. `now`: UTC seconds; `monotonic`: seconds, as in `Exchange.began`."""

    def __init__(
        self, write: Callable[[str], object], *, now: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._write = write
        self._now = now
        self._monotonic = monotonic

    def wrote(self, exchange: Exchange, found: Found, peer: str) -> None:
        """A request has its answer."""
        judge = exchange.judge
        self._line(
            peer,
            exchange.head,
            exchange.status,
            origin=str(found.route.origin),
            records=list(found.route.records),
            bytes=exchange.sent_bytes,
            milliseconds=round((self._monotonic() - exchange.began) * 1000, 2),
            outcome="" if judge is None else spelled(judge.reason).decode("ascii"),
        )

    def connected(self, head: RequestHead, peer: str, *, opened: bool) -> None:
        """A `CONNECT` was answered. `opened`: its requests are seen, and logged by themselves."""
        self._line(peer, head, 200, opened=opened)

    def refused(self, refusal: Refusal, head: RequestHead | None, peer: str) -> None:
        """The gateway has answered by itself."""
        self._line(peer, head, refusal.status, code=refusal.code)

    def _line(self, peer: str, head: RequestHead | None, status: int, **more: object) -> None:
        method = "" if head is None else head.method.decode("ascii")
        path = "" if head is None else head.target.partition(b"?")[0][:LONGEST_PATH].decode("latin-1")
        line = {"time": round(self._now(), 3), "peer": peer, "method": method, "path": path, "status": status}
        self._write(json.dumps({**line, **more}) + "\n")
