"""Runs one soak: load, while a provider fails, a database goes away, and a control process is killed.

The control process is what renews ahead of expiry: `authrecord keep`, or that of an Envoy (see `carriers`).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

import psycopg

from tests.fault_proxy import HEALTHY, Faults

from . import api
from .figures import Figures
from .ledger import Ledger
from .load import Load
from .provider import FailingProvider
from .scene import NAMES, Scene, open_scene

AWAY: Final = (Faults(refusing=True), Faults(swallowing=True))
"""How the database goes away: the first time it refuses, the second time nobody answers."""

RECOVERY_SECONDS: Final = 5.0
"""After the database is back, for connections that were tried in vain."""

IDLE_PATIENCE_SECONDS: Final = 5.0
_CLAIMED: Final = "SELECT 1 FROM claims WHERE holder <> '' LIMIT 1"

MOST_GROWTH_MIB: Final = 16.0
SAMPLE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One soak. Times in seconds. `rate`: requests a second; 0 for half of what `probe` seconds show as the top.

    `engine`: what carries the requests, see `carriers`.
    `between_renewals`: nobody is killed who holds a claim, which would keep others for 45 seconds.
    `away`: how long the database is gone, each time. `fails`: the part of the provider's answers that go wrong.
    """

    folder: Path
    database_url: str
    seconds: float
    engine: str = "embedded"
    rate: float = 0.0
    probe: float = 5.0
    away: float = 10.0
    token_life: float = 5.0
    fails: float = 0.1
    between_renewals: bool = False
    connections: int = 16
    seed: int = 0
    make_secret: Callable[[str], str] = lambda _: secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended. `faults`: empty when everything held."""

    faults: tuple[str, ...]
    figures: Figures


def soak(plan: Plan) -> Result:
    """Run it."""
    return asyncio.run(_soak(plan))


async def _soak(plan: Plan) -> Result:
    ledger = Ledger()
    provider = FailingProvider(
        token_life=plan.token_life, fails=plan.fails, seed=plan.seed, make_secret=plan.make_secret
    )
    with ExitStack() as stack:
        stack.enter_context(provider)
        server = await api.serve(ledger, provider.is_live)
        stack.callback(server.close)
        origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        scene = await asyncio.to_thread(
            open_scene, stack, plan.folder, plan.database_url, provider, origin, plan.engine, plan.make_secret
        )
        run = _Run(plan, scene, ledger)
        await run.through()
        return run.result()


class _Run:
    def __init__(self, plan: Plan, scene: Scene, ledger: Ledger) -> None:
        self._plan = plan
        self._scene = scene
        self._ledger = ledger
        self._memory: list[tuple[float, float]] = []
        self._killing = asyncio.Lock()
        self._refused_while_away = 0
        self._began = 0.0
        self._top = 0.0
        self._rate = plan.rate
        self._seconds = 0.0

    async def through(self) -> None:
        """From the first request to the last."""
        if not self._rate:
            self._top = await self._probe()
            self._rate = self._top / 2
        self._began = time.monotonic()
        load = self._load(self._rate, self._plan.connections)
        working = asyncio.gather(load.run(), self._watch(load.ends))
        await self._deeds()
        load.ends.set()
        await working
        self._seconds = time.monotonic() - self._began

    async def _probe(self) -> float:
        """Requests a second as fast as it goes, of a gateway that has its credentials."""
        await self._as_fast_as_it_goes(1.0)
        return await self._as_fast_as_it_goes(self._plan.probe)

    async def _as_fast_as_it_goes(self, seconds: float) -> float:
        load, before = self._load(0.0, self._plan.connections), self._ledger.answered
        working = asyncio.ensure_future(load.run())
        await asyncio.sleep(seconds)
        load.ends.set()
        await working
        return (self._ledger.answered - before) / seconds

    def _load(self, rate: float, connections: int) -> Load:
        paths = tuple(f"/{name}" for name in NAMES)
        return Load(self._ledger, self._scene.port, self._scene.proof, paths, connections, rate)

    async def _deeds(self) -> None:
        """The database goes away at a sixth and at a half of the time, the control process is killed behind each."""
        sixth = self._plan.seconds / 6
        for away, faults in enumerate(AWAY):
            await self._until(sixth * (1 + 2 * away))
            with self._counting_refusals():
                self._scene.database.faults = faults
                await asyncio.sleep(self._plan.away)
                self._scene.database.faults = HEALTHY
                await asyncio.sleep(RECOVERY_SECONDS)
            await self._until(sixth * (2 + 2 * away))
            async with self._killing:
                await asyncio.to_thread(self._kill)
        await self._until(self._plan.seconds)

    def _kill(self) -> None:
        """Kill the control process; where the plan wants that, when nobody holds a claim, if that comes soon."""
        give_up = time.monotonic() + (IDLE_PATIENCE_SECONDS if self._plan.between_renewals else 0.0)
        with psycopg.connect(self._plan.database_url, autocommit=True) as database:
            while time.monotonic() < give_up and database.execute(_CLAIMED).fetchone():
                time.sleep(0.01)
        self._scene.control.kill_and_start_again()

    async def _until(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, self._began + seconds - time.monotonic()))

    @contextmanager
    def _counting_refusals(self) -> Iterator[None]:
        before = self._ledger.by_gateway.total()
        yield
        self._refused_while_away += self._ledger.by_gateway.total() - before

    async def _watch(self, ends: asyncio.Event) -> None:
        while not ends.is_set():
            async with self._killing:
                self._scene.control.start_if_ended()
            self._memory.append((time.monotonic() - self._began, self._scene.gateway.resident_mib))
            await asyncio.sleep(SAMPLE_SECONDS)

    def result(self) -> Result:
        """The verdict."""
        plan, ledger, provider = self._plan, self._ledger, self._scene.provider
        early = fmean(mib for at, mib in self._memory if plan.seconds * 0.1 <= at <= plan.seconds * 0.25)
        late = fmean(mib for at, mib in self._memory if at >= plan.seconds * 0.9)
        figures = Figures(
            seconds=self._seconds,
            top=self._top,
            rate=self._rate,
            requests=ledger.requests,
            answered=ledger.answered,
            mended=ledger.refused_by_api,
            expired_shown=ledger.expired_shown,
            lost=ledger.lost,
            mixed_up=ledger.mixed_up,
            given_twice=ledger.given_twice,
            refused=ledger.by_gateway.total(),
            refused_while_away=self._refused_while_away,
            refusals=tuple(sorted(ledger.by_gateway.items())),
            longest_wait=ledger.longest_wait,
            token_requests=provider.asked,
            token_failures=provider.failed,
            control_starts=self._scene.control.starts,
            memory_early=early,
            memory_late=late,
        )
        return Result((*ledger.faults, *self._faults(figures)), figures)

    def _faults(self, figures: Figures) -> Iterator[str]:
        if self._ledger.open:
            yield f"{self._ledger.open} answers of the API reached nobody"
        if self._scene.gateway.process.poll() is not None:
            yield "the gateway ended by itself"
        if figures.memory_late - figures.memory_early > MOST_GROWTH_MIB:
            yield f"memory grew from {figures.memory_early:.1f} to {figures.memory_late:.1f} MiB"
        if self._ledger.by_gateway["connection broke"]:
            yield "the gateway broke connections off"
        if figures.answered < figures.requests / 2:
            yield "less than half of the requests were answered"
