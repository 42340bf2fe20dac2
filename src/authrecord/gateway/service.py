"""One running gateway: its rules as they are now, its upstreams, its connections, and what it counts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ..clients.wire import retire
from ..keeper.live import Live
from ..keeper.young import YOUNG_SECONDS
from .access_log import AccessLog
from .caller import CallerConnection
from .dialing import Dialer
from .forward import Connect
from .grammar import RequestHead
from .metrics import Metrics
from .pool import Pool
from .refusals import Refusal
from .routes import Authenticators, Table
from .rules import Rules

SWEEP_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 5.0
"""How long requests under way may take once the gateway is told to end."""

log = logging.getLogger("authrecord.gateway")


@dataclass(frozen=True, slots=True)
class Settings:
    """Bounds of one gateway. Bytes; `None` for no bound.

    `replay_bytes`: bodies up to this size can be sent a second time. `most_body_bytes`: larger ones are refused.
    `most_connections`: of callers, at a time. `young_seconds`: a refusal of a credential younger than this, and
    than a part of its life, is taken as a refusal, not as "expired" (see `young`).
    """

    replay_bytes: int = 1024 * 1024
    most_body_bytes: int | None = None
    most_connections: int = 8192
    young_seconds: float = YOUNG_SECONDS


class Service:
    """Made in the event loop that it runs in. `reload` gives new rules when they have changed, else `None`."""

    def __init__(
        self,
        rules: Rules,
        authenticators: Authenticators,
        dialer: Dialer,
        *,
        settings: Settings | None = None,
        access_log: AccessLog | None = None,
        reload: Callable[[], tuple[Rules, Authenticators] | None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.monotonic = monotonic
        self.time = wall
        self.settings = settings or Settings()
        self.metrics = Metrics()
        self.pool = Pool(dialer, monotonic)
        self.access_log = access_log
        self.table = Table(rules, authenticators, self._noted)
        self._reload = reload
        self._connections: set[CallerConnection] = set()
        self._lives: dict[str, Live] = {}
        self._before: dict[str, Live] = {}
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._sweeper = self.loop.create_task(self._sweep())

    # What connections tell.

    def connected(self, connection: CallerConnection) -> None:
        """A caller has connected. Beyond the bound it is cut at once."""
        self._connections.add(connection)
        self._nobody.clear()
        self.metrics.open_connections = len(self._connections)
        if len(self._connections) > self.settings.most_connections:
            connection.abort()

    def gone(self, connection: CallerConnection) -> None:
        """A caller has gone."""
        self._connections.discard(connection)
        if not self._connections:
            self._nobody.set()
        self.metrics.open_connections = len(self._connections)

    def refused(self, refusal: Refusal, head: RequestHead | None, caller: CallerConnection) -> None:
        """The gateway answers by itself; nothing is sent to an upstream."""
        self.metrics.refused(refusal.code, refusal.detail, self.time())
        self.metrics.answered(refusal.status, 0.0, authenticated=False)
        if self.access_log is not None:
            self.access_log.refused(refusal, head, caller.peer)

    def opened(self, head: RequestHead, found: Connect, caller: CallerConnection) -> None:
        """A `CONNECT` was answered; requests inside of an opened one are counted by themselves."""
        if found.inner is None:
            self.metrics.tunnels += 1
        if self.access_log is not None:
            self.access_log.connected(head, caller.peer, opened=found.inner is not None)

    def handshake_failed(self, host: str) -> None:
        """A caller broke off the TLS handshake of a host that is opened: most often it does not trust us."""
        self.metrics.refused(
            "handshake_failed",
            f"A caller broke off TLS as {host}: it must trust the gateway's authority, and ask for this name.",
            self.time(),
        )

    def _noted(self, name: str, live: Live) -> None:
        """A record uses this credential now; one after another of them is a renewal.

        The one before the last is not used by any request any more: nothing is remembered of it.
        """
        before = self._lives.get(name)
        self._lives[name] = live
        if before is None or before is live:
            return
        self.metrics.renewals += 1
        gone, self._before[name] = self._before.get(name), before
        if (
            gone is not None
            and gone.token is not None
            and not gone.is_same(live)
            and not gone.is_same(before)
        ):
            retire(gone)

    # Its life.

    def use(self, rules: Rules, authenticators: Authenticators) -> None:
        """From now on these rules hold. Requests under way end as they began."""
        self.table = Table(rules, authenticators, self._noted)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self.monotonic()
            for connection in list(self._connections):
                connection.end_if_late(now)
            self.pool.sweep(now)
            changed = await self.loop.run_in_executor(None, self._reloaded)
            if changed is not None:
                self.use(*changed)

    def _reloaded(self) -> tuple[Rules, Authenticators] | None:
        from ..core.errors import AuthrecordError

        try:
            return self._reload()
        except (AuthrecordError, OSError) as error:
            log.warning("the rules that were in use stay in use: %s", error)
            return None

    async def close(self) -> None:
        """End: idle callers at once, the others when they have their answers, or after some seconds."""
        self._sweeper.cancel()
        for connection in list(self._connections):
            connection.ends_soon()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nobody.wait(), DRAIN_SECONDS)
        for connection in list(self._connections):
            connection.abort()
        self.pool.close()
