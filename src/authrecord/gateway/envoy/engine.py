"""The whole engine on one machine: what Envoys are served from, and one Envoy as a child."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from ...core.contracts import Clock
from ...core.errors import RecordFault, StoreFault
from ...core.origin import Origin
from ...core.secret import Secret
from ...keeper.young import YOUNG_SECONDS
from ..authority import Authority
from ..callers import Tokens
from ..listening import Listen, tls_of
from ..moments import Shown
from ..routes import Table
from ..rules import Rules
from .bootstrap import Files, bootstrap, resources
from .child import Child
from .desks import Desks, Guests
from .doorkeeper import Doorkeeper
from .figures import Reading, made_metrics
from .guard import Fence
from .hub import Find, Hub
from .plan import REPLAYED_BODY_BYTES
from .written import resources_of, write

log = logging.getLogger("authrecord")

LOOPBACK: Final = Listen("127.0.0.1", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one Envoy runs.

    `binary`: which (see `binary.find_envoy`). `listen`: where callers connect; port 0 takes a free one.
    `reverse`: the one origin of every request, `None` when requests name theirs. `bare`: where the same is found
    without credentials. `proxy`: where a forward proxy listens, which also takes `CONNECT`. `names`: what `Host` may
    say of a reverse gateway besides loopback. `password`: of callers. `ca_file`: a PEM file of authorities for the
    APIs' certificates beside the usual ones. `speaks_h2`: APIs may choose HTTP/2. `workers`: threads of Envoy.
    `replay`, `young`: see `Hub`. `asks_control`: callers are known by what the control process says of them, not by
    the password alone. `tls`: the paths of the certificate and key of listeners that other machines reach.
    `public_only`, `networks`: see `guard.Fence`. `access_log`: a file for a line of each request.
    `metrics`, `authorize`: where this process listens itself, see `desks`. `replay_bytes`: see `Plan`.
    """

    binary: Path
    password: Secret
    ca_file: str = ""
    listen: Listen | None = LOOPBACK
    reverse: Origin | None = None
    bare: Listen | None = None
    proxy: Listen | None = None
    names: tuple[str, ...] = ()
    replay: bool = True
    speaks_h2: bool = True
    asks_control: bool = False
    tls: tuple[str, str] | None = None
    public_only: bool = False
    networks: tuple[str, ...] = ()
    access_log: Path | None = None
    metrics: Listen | None = None
    authorize: Listen | None = None
    replay_bytes: int = REPLAYED_BODY_BYTES
    workers: int = 2
    young: float = YOUNG_SECONDS

    @property
    def fence(self) -> Fence:
        """Which addresses are dialled. Raises `RecordFault` for a network that cannot be read."""
        return Fence(self.public_only, self.networks)

    @property
    def places(self) -> dict[str, Listen]:
        """Where callers connect to Envoy, by the listener's name."""
        found = {"reverse": self.listen, "bare": self.bare, "forward": self.proxy}
        return {name: place for name, place in found.items() if place is not None}


class Engine:
    """An Envoy that carries requests, and what it needs from us. An asynchronous context manager."""

    def __init__(
        self,
        rules: Rules,
        find: Find,
        settings: Settings,
        *,
        authority: Authority | None = None,
        tokens: Tokens | None = None,
        clock: Clock = time,
    ) -> None:
        checked(settings, tokens)
        self._authority = authority
        self._settings = replace(settings, asks_control=tokens is not None)
        doorkeeper = None if tokens is None else Doorkeeper(settings.password, tokens, clock.monotonic)
        self._clock = clock
        self.metrics, desk = made_metrics(), made_metrics()
        self._reading = Reading(self.metrics, desk)
        self._desk_metrics = desk
        tls = None if settings.tls is None else tls_of(*settings.tls)
        self._desks = Desks(Guests(settings.password, settings.names, tokens, tls))
        self.hub = Hub(
            rules,
            find,
            replay=settings.replay,
            young=settings.young,
            authority=authority,
            doorkeeper=doorkeeper,
            metrics=self.metrics,
            replay_bytes=settings.replay_bytes,
            password=settings.password,
            clock=clock,
        )
        self._table = Table(rules, find, self.hub.board.put)
        self._stack = AsyncExitStack()
        self._version = 0
        self.ports: dict[str, int] = {}
        """The port of each listener by its name."""

    @property
    def port(self) -> int:
        """The reverse gateway's port."""
        return self.ports["reverse"]

    @property
    def places(self) -> dict[str, Listen]:
        """Where it really listens, as far as there are such: `reverse`, `bare`, `forward`, `authorize`, `metrics`."""
        through = {
            name: Listen(place.host, self.ports[name]) for name, place in self._settings.places.items()
        }
        return {**through, **self._desks.places}

    @property
    def shown(self) -> Shown:
        """What there is to see of it."""
        return Shown(self.metrics, self.places, self.refresh, self._clock.time, self._clock.monotonic)

    async def refresh(self) -> None:
        """Bring `metrics` up to date."""
        try:
            found = await self.child.figures()
        except OSError:
            return  # Envoy has ended, which `ended` tells: it counts nothing any more
        self.metrics.renewals = self.hub.board.renewals
        self._reading.take(found, self._clock.time())

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    async def ended(self) -> int:
        """Wait until Envoy ends by itself; its exit code."""
        return await self.child.ended()

    async def change(self, rules: Rules, find: Find) -> None:
        """Other rules and records from now on, without a restart. See `Hub.change`.

        Raises `RecordFault` for an origin that is not dialled, or that the authority does not speak for: then nothing
        has changed.
        """
        self._check(rules)
        await self.hub.change(rules, find)
        self._table = Table(rules, find, self.hub.board.put)
        self._write_resources()

    def _check(self, rules: Rules) -> None:
        origins = {origin for rule in rules.all for origin in rule.origins.exact}
        self._settings.fence.check(origins)
        if self._settings.proxy is None or self._authority is None:
            return
        for origin in origins:
            if origin.scheme == "https" and not self._authority.covers(origin.host):
                raise RecordFault(
                    f"the gateway's certificate authority does not speak for {origin.host}.",
                    field="allowed_origins",
                    hint="Make a new one with `authrecord ca rotate`, trust it again, and start the gateway anew.",
                    code="authority_too_narrow",
                )

    async def _start(self) -> None:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="authrecord-envoy-"))
        self.files = Files(Path(folder))
        await self.hub.prepare()
        self._stack.push_async_callback(self.hub.stop)
        self._write_resources()
        write(self.files.bootstrap, bootstrap(self.files, node=f"authrecord-{os.getpid()}"))
        # Envoy first: it comes back until the server is there, and gRPC's threads do not like a fork.
        await self._start_child()
        await self.hub.serve(self.files.control)
        await self._until_ready()
        self.ports = await self.child.ports()
        if missing := self._settings.places.keys() - self.ports.keys():
            raise StoreFault(
                f"Envoy does not listen: {', '.join(sorted(missing))}.",
                hint=self.child.last_words,
                code="envoy_failed",
            )
        await self._open_desks()

    async def _open_desks(self) -> None:
        settings = self._settings
        self._stack.callback(self._desks.close)
        if settings.authorize is not None:
            await self._desks.authorize(
                settings.authorize, lambda: self._table, self._desk_metrics, self._clock.monotonic
            )
        if settings.metrics is not None:
            await self._desks.show(settings.metrics, self.shown)

    async def _start_child(self) -> None:
        settings = self._settings
        self.child = await Child.start(
            settings.binary, self.files.bootstrap, self.files.admin, workers=settings.workers
        )
        self._stack.push_async_callback(self.child.stop)

    async def _until_ready(self) -> None:
        """Wait for Envoy; where it crashed before it was ready, for another one.

        Envoy 1.40 was once seen to end by SIGSEGV at its start, among many hundreds of starts with the same
        configuration. Nothing went through it yet, so that a second start costs nothing; a third would hide a fault.
        """
        try:
            await self.child.ready()
        except StoreFault as fault:
            if not self.child.crashed:
                raise
            log.warning("%s Starting it once more. It wrote: %s", fault.message, fault.hint)
            await self._start_child()
            await self.child.ready()

    def _write_resources(self) -> None:
        """Clusters first: a route is never there before its cluster."""
        self._version += 1
        clusters, listeners = resources_of(self.hub.plan, self._settings, self.files, hands_password=True)
        write(self.files.clusters, resources(clusters, str(self._version)))
        write(self.files.listeners, resources(listeners, str(self._version)))


def checked(settings: Settings, tokens: Tokens | None) -> None:
    """Raises `RecordFault` for a listener that other machines reach without TLS or API tokens (row O25).

    What listens in this process is looked at when it opens, by `running.checked_tls`.
    """
    for place in settings.places.values():
        if not place.is_local and (settings.tls is None or tokens is None):
            raise RecordFault(
                f"{place} can be reached from other machines: that needs TLS and API tokens.",
                field="listen",
                hint="Listen at 127.0.0.1, or give a certificate and a store with API tokens.",
                code="not_local",
            )
