"""Idle connections to upstreams, apart for each origin and set of records.

A server may bind what it knows of a client to the connection, so two records never share one (row E11).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..core.origin import Origin
from .dialing import Dialer
from .ports import Upstream
from .routes import Route
from .upstream import UpstreamConnection

IDLE_SECONDS: Final = 30.0
UNSURE_SECONDS: Final = 2.0
"""A connection that was idle for longer may be closing on the other side; only what can be repeated goes there."""

MOST_IDLE: Final = 256
"""For each origin and set of records."""

Key = tuple[Origin, tuple[str, ...]]
Waiting = list[UpstreamConnection]


class Pool:
    """The connections of one gateway. `monotonic`: seconds."""

    def __init__(self, dialer: Dialer, monotonic: Callable[[], float]) -> None:
        self.dialer = dialer
        self._monotonic = monotonic
        self._waiting: dict[Key, Waiting] = {}
        self._open: set[UpstreamConnection] = set()

    def idle(self, route: Route, may_repeat: bool) -> Upstream | None:
        """An idle connection for a request, if there is one. `may_repeat`: the request may be sent twice."""
        waiting = self._place(route)
        while waiting:
            connection = waiting.pop()
            if not connection.is_open:
                continue
            if not may_repeat and self._monotonic() - connection.idle_since > UNSURE_SECONDS:
                connection.close()
                continue
            return connection
        return None

    async def connected(self, route: Route) -> Upstream:
        """A new connection. Raises `Refusal`."""
        home = self._place(route)
        return await self.dialer.dial(route.origin, lambda: UpstreamConnection(self, home))

    def put(self, connection: UpstreamConnection, home: Waiting) -> None:
        """The connection waits for the next request."""
        if len(home) >= MOST_IDLE:
            connection.close()
            return
        connection.idle_since = self._monotonic()
        home.append(connection)

    def opened(self, connection: UpstreamConnection) -> None:
        """A connection is there."""
        self._open.add(connection)

    def lost(self, connection: UpstreamConnection, home: Waiting) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        if connection in home:
            home.remove(connection)

    def sweep(self, now: float) -> None:
        """Close what has been idle for long."""
        for waiting in self._waiting.values():
            for connection in [one for one in waiting if now - one.idle_since > IDLE_SECONDS]:
                waiting.remove(connection)
                connection.close()

    def close(self) -> None:
        """Close everything."""
        for connection in list(self._open):
            connection.close()

    @property
    def size(self) -> int:
        """Open connections."""
        return len(self._open)

    def _place(self, route: Route) -> Waiting:
        place = route.idle
        if place is None:
            place = route.idle = self._waiting.setdefault((route.origin, route.records), [])
        return place
