"""Connections to upstreams that wait for the next request, apart for each origin and set of records.

A server may bind what it knows of a client to the connection, so two records never share one (row E11).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..core.origin import Origin
from .dialing import Dialer
from .ports import Upstream
from .routes import Route, host_of
from .upstream import UpstreamConnection

if TYPE_CHECKING:
    from .upstream_h2 import H2Connection

IDLE_SECONDS: Final = 30.0
UNSURE_SECONDS: Final = 2.0
"""A connection that was idle for longer may be closing on the other side; only what can be repeated goes there."""

MOST_IDLE: Final = 256
"""For each origin and set of records."""


class Place:
    """What waits for one origin and set of records. `speaks_h2`: `None` until an upstream has chosen."""

    __slots__ = ("h2", "idle", "lock", "origin", "speaks_h2")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.idle: list[UpstreamConnection] = []
        self.h2: list[H2Connection] = []
        self.speaks_h2: bool | None = None if origin.scheme == "https" else False
        self.lock = asyncio.Lock()


class Pool:
    """The connections of one gateway. `now`: monotonic seconds."""

    def __init__(self, dialer: Dialer, now: Callable[[], float]) -> None:
        self.dialer = dialer
        self.now = now
        self._places: dict[tuple[Origin, tuple[str, ...]], Place] = {}
        self._open: set[UpstreamConnection | H2Connection] = set()

    def idle(self, route: Route, *, may_repeat: bool, upgrades: bool) -> Upstream | None:
        """A connection for a request, if one waits. `may_repeat`: the request may be sent twice.

        `upgrades`: it asks for another protocol, which HTTP/1.1 alone can give.
        """
        place = route.place or self._place(route)
        if place.h2 and not upgrades:
            for h2 in place.h2:
                if h2.has_room:
                    return h2.stream()
        waiting = place.idle
        while waiting:
            connection = waiting.pop()
            if not connection.is_open:
                continue
            if not may_repeat and self.now() - connection.idle_since > UNSURE_SECONDS:
                connection.close()
                continue
            return connection
        return None

    async def connected(self, route: Route, *, upgrades: bool) -> Upstream:
        """A new connection, or a free place on one that was made meanwhile. Raises `Refusal`."""
        place = self._place(route)
        if place.speaks_h2 is False or upgrades:
            return await self._dialled(place, upgrades=upgrades)
        async with (
            place.lock
        ):  # whoever comes while it is unknown may share the connection that is being made
            found = self.idle(route, may_repeat=True, upgrades=False)
            return found if found is not None else await self._dialled(place, upgrades=False)

    async def _dialled(self, place: Place, *, upgrades: bool) -> Upstream:
        made = await self.dialer.dial(
            place.origin, lambda: UpstreamConnection(self, place), only_http_1=upgrades
        )
        if made.successor is not None:
            return made.successor.stream()
        if not upgrades:
            place.speaks_h2 = False
        return made

    def put(self, connection: UpstreamConnection, place: Place) -> None:
        """The connection waits for the next request."""
        if len(place.idle) >= MOST_IDLE:
            connection.close()
            return
        connection.idle_since = self.now()
        place.idle.append(connection)

    def opened(self, connection: UpstreamConnection) -> None:
        """A connection is there."""
        self._open.add(connection)

    def opened_h2(self, before: UpstreamConnection, place: Place) -> H2Connection:
        """The upstream has chosen HTTP/2: what takes the place of `before`."""
        from .upstream_h2 import H2Connection

        made = H2Connection(self, place, host_of(place.origin), place.origin.scheme.encode("ascii"))
        made.idle_since = self.now()
        place.speaks_h2 = True
        place.h2.append(made)
        self._open.discard(before)
        self._open.add(made)
        return made

    def lost(self, connection: UpstreamConnection, place: Place) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        if connection in place.idle:
            place.idle.remove(connection)

    def lost_h2(self, connection: H2Connection, place: Place) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        if connection in place.h2:
            place.h2.remove(connection)

    def sweep(self, now: float) -> None:
        """Close what has been idle for long."""
        for place in self._places.values():
            if not place.idle and not place.h2:
                continue  # one of ten thousand places is busy, and this is asked each second
            for connection in [one for one in place.idle if now - one.idle_since > IDLE_SECONDS]:
                place.idle.remove(connection)
                connection.close()
            for h2 in [one for one in place.h2 if one.is_idle and now - one.idle_since > IDLE_SECONDS]:
                h2.close()

    def close(self) -> None:
        """Close everything."""
        for connection in list(self._open):
            connection.close()

    def _place(self, route: Route) -> Place:
        if route.place is None:
            key = (route.origin, route.records)
            found = self._places.get(key)
            if found is None:
                found = self._places[key] = Place(route.origin)
            route.place = found
        return route.place
