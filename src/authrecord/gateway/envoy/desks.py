"""What the control process answers itself beside an Envoy: figures, and headers for other proxies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from ...core.secret import Secret
from ..authorize import Authorize
from ..callers import Callers, Tokens
from ..desk import DeskConnection, Reply
from ..grammar import RequestHead
from ..listening import Listen, Make, served
from ..metrics import Metrics
from ..moments import Shown
from ..openmetrics import answer_with
from ..routes import Table
from ..running import checked_tls


@dataclass(frozen=True, slots=True)
class Guests:
    """Who may ask for headers, and how. `names`: what `Host` may say. `tls`, `tokens`: see `gateway.running.Ways`."""

    password: Secret
    names: tuple[str, ...]
    tokens: Tokens | None
    tls: ssl.SSLContext | None


class Desks:
    """Listeners, until `close`. `places`: where each really listens."""

    def __init__(self, guests: Guests) -> None:
        self._guests = guests
        self._servers: list[asyncio.Server] = []
        self.places: dict[str, Listen] = {}

    async def show(self, listen: Listen, shown: Shown) -> None:
        """OpenMetrics at `listen`, on this machine only. Raises `RecordFault` elsewhere, `StoreFault` where taken."""

        async def answer(head: RequestHead) -> Reply:
            await shown.refresh()
            return await answer_with(shown.metrics, head)

        await self._open("metrics", listen, lambda place, hosts: lambda: DeskConnection(answer, hosts))

    async def authorize(
        self, listen: Listen, table: Callable[[], Table], metrics: Metrics, monotonic: Callable[[], float]
    ) -> None:
        """The headers of records at `listen`, see `gateway.authorize`. Raises what `show` raises."""
        guests = self._guests
        password = guests.password if listen.is_local else None
        callers = Callers(password, guests.tokens, reverse=True, monotonic=monotonic)
        desk = Authorize(table, callers, metrics)
        await self._open("authorize", listen, lambda place, hosts: lambda: DeskConnection(desk.answer, hosts))

    def close(self) -> None:
        """Listen no longer."""
        for server in self._servers:
            server.close()

    async def _open(self, name: str, listen: Listen, make: Make) -> None:
        guests = self._guests
        tls = None if listen.is_local else checked_tls(name, listen, guests.tls, guests.tokens)
        self.places[name], server = await served(listen, make, names=guests.names, tls=tls)
        self._servers.append(server)
