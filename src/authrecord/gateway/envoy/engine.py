"""The whole engine: a plan written for Envoy, the control process's server, the keeping of credentials, the child."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ...core.contracts import Clock
from ...core.origin import Origin
from ...core.secret import Secret
from ...keeper.authenticator import Authenticator
from ..rules import Rules
from .board import Board
from .bootstrap import Files, bootstrap, resources
from .broker import Broker
from .child import Child
from .clusters import cluster
from .control import Control
from .keeping import Keeping
from .listener import listener
from .plan import Plan, Target, plan_of
from .routes import route_configuration
from .shapes import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one Envoy runs.

    `binary`: which (see `binary.find_envoy`). `host`, `port`: where callers connect; port 0 takes a free one.
    `reverse`: the one origin of every request, `None` when requests name theirs. `names`:
    what `Host` may say of a reverse gateway besides loopback. `password`: of callers.
    `trusted_ca`: a PEM file of the authorities for the APIs' certificates. `replay`: expired answers are mended.
    `young`: a credential younger than so many seconds has not expired, it is refused.
    """

    binary: Path
    password: Secret
    trusted_ca: Path
    host: str = "127.0.0.1"
    port: int = 0
    reverse: Origin | None = None
    names: tuple[str, ...] = ()
    replay: bool = True
    workers: int = 2
    young: float = 1.0


class Engine:
    """An Envoy that carries requests, and what it needs from us. An asynchronous context manager."""

    def __init__(
        self,
        rules: Rules,
        authenticators: Callable[[str], Authenticator],
        settings: Settings,
        *,
        clock: Clock = time,
    ) -> None:
        self._settings = settings
        self._authenticators = authenticators
        self._plan = plan_of(rules, authenticators, replay=settings.replay)
        placements = [one for target in self._plan.targets for one in target.placements]
        self.board = Board(placements)
        self._broker = Broker(
            _by_name(self._plan), authenticators, self.board, young=settings.young, now=clock.time
        )
        self.control = Control(self.board, self._broker)
        self._keeping = Keeping(authenticators, self.board, clock)
        self._stack = AsyncExitStack()
        self._version = 0
        self.port = 0

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

    async def change(self, rules: Rules) -> None:
        """Other rules from now on, without a restart. Raises what `plan_of` raises, and then nothing changes."""
        self._plan = plan_of(rules, self._authenticators, replay=self._settings.replay)
        self.board.place(one for target in self._plan.targets for one in target.placements)
        self._broker.targets = _by_name(self._plan)
        await self._keeping.begin(rules.records)
        self._write_resources()

    async def _start(self) -> None:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="authrecord-envoy-"))
        self.files = Files(Path(folder))
        await self._keeping.begin(self._plan.rules.records)
        keeping = asyncio.create_task(self._keeping.run())
        self._stack.push_async_callback(_end, keeping)
        self._write_resources()
        _write(self.files.bootstrap, bootstrap(self.files, node=f"authrecord-{os.getpid()}"))
        # Envoy first: it comes back until the server is there, and gRPC's threads do not like a fork.
        self.child = await Child.start(
            self._settings.binary, self.files.bootstrap, self.files.admin, workers=self._settings.workers
        )
        self._stack.push_async_callback(self.child.stop)
        await self.control.start(self.files.control)
        self._stack.push_async_callback(self.control.stop)
        await self.child.ready()
        self.port = (await self.child.ports())["gateway"]

    def _write_resources(self) -> None:
        """Clusters first: a route is never there before its cluster."""
        self._version += 1
        clusters, listeners = resources_of(self._plan, self._settings)
        _write(self.files.clusters, resources(clusters, str(self._version)))
        _write(self.files.listeners, resources(listeners, str(self._version)))


def resources_of(plan: Plan, settings: Settings) -> tuple[list[Json], list[Json]]:
    """Clusters and listeners of a plan, without a credential in them."""
    clusters = [cluster(target, str(settings.trusted_ca)) for target in plan.targets]
    routes = route_configuration(plan, reverse=settings.reverse, names=settings.names)
    proxy = settings.reverse is None
    return clusters, [listener(settings.host, settings.port, settings.password, routes, proxy=proxy)]


def _by_name(plan: Plan) -> dict[str, Target]:
    return {target.cluster: target for target in plan.targets}


def _write(path: Path, value: Json) -> None:
    """Put a file in place of the one before, in one step; only its owner reads it."""
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file, separators=(",", ":"))
    new.replace(path)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
