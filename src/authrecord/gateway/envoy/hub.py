"""What any number of Envoys are served from: a plan, credentials that are kept fresh, verdicts, and one socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ...core.contracts import Clock
from ...core.errors import AuthrecordError
from ...core.secret import Secret
from ...keeper.authenticator import Authenticator
from ...keeper.young import YOUNG_SECONDS
from ..authority import Authority
from ..listening import Listen
from ..metrics import Metrics, Trouble
from ..refusals import without_credential
from ..rules import Rules
from .board import Board
from .broker import Broker
from .control import Control
from .doorkeeper import Doorkeeper
from .figures import made_metrics
from .keeping import Keeping
from .leaves import RENEW_SECONDS, Leaves
from .network import Door
from .placement import Placement
from .plan import REPLAYED_BODY_BYTES, Plan, Target, plan_of

Find = Callable[[str], Authenticator]
"""Finds a record's authenticator by name; raises `RecordFault` for an unknown one. A document or a store."""


class Hub:
    """Made in the event loop that it runs in.

    `replay`: expired answers are mended. `young`: see `keeper.young.refused_young`. `authority`: of the certificates
    for hosts that a forward proxy opens. `doorkeeper`: knows callers by more than a password. `metrics`: what is
    counted here: renewals, replays, outcomes, and what went wrong. `replay_bytes`: see `Plan`. `password`: of callers,
    for Envoys whose listeners do not hold its digest. Raises what `plan_of` raises.
    """

    def __init__(
        self,
        rules: Rules,
        find: Find,
        *,
        replay: bool = True,
        young: float = YOUNG_SECONDS,
        authority: Authority | None = None,
        doorkeeper: Doorkeeper | None = None,
        metrics: Metrics | None = None,
        replay_bytes: int = REPLAYED_BODY_BYTES,
        password: Secret | None = None,
        clock: Clock = time,
    ) -> None:
        self.metrics = metrics or made_metrics()
        self._clock = clock
        self._replay = replay
        self._find = find
        self._replay_bytes = replay_bytes
        self.plan = self._plan(rules, find)
        self.board = Board(_placements(self.plan), None if authority is None else Leaves(authority), password)
        self._broker = Broker(
            _by_name(self.plan),
            self._authenticator,
            self.board,
            young=young,
            now=clock.time,
            replay_bytes=replay_bytes,
        )
        self.control = Control(self.board, self._broker, self.metrics, doorkeeper)
        self._keeping = Keeping(self._authenticator, self.board, clock, failed=self._noted)
        self._tasks: list[asyncio.Task[None]] = []

    def keep(self) -> None:
        """Obtain every credential beside what else goes on, and keep it fresh from now on.

        One that cannot be had is tried again later.
        """
        works = (self._keeping.begin(self.plan.rules.records), self._keeping.run(), self._renew_leaves())
        self._tasks = [asyncio.create_task(work) for work in works]

    async def prepare(self) -> None:
        """The same, and wait until each was obtained or tried."""
        self.keep()
        await self._tasks[0]

    async def serve(
        self, socket: Path | None, *, place: Listen | None = None, door: Door | None = None
    ) -> int:
        """Let Envoys in: see `Control.start`."""
        return await self.control.start(socket, place=place, door=door)

    async def change(self, rules: Rules, find: Find) -> None:
        """Other rules and records from now on. Raises what `plan_of` raises, and then nothing has changed."""
        plan = self._plan(rules, find)
        self._find, self.plan = find, plan
        self.board.place(_placements(plan))
        self._broker.targets = _by_name(plan)
        await self._keeping.begin(rules.records)

    async def stop(self) -> None:
        """Let Envoys go, and renew no longer."""
        await self.control.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _renew_leaves(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            self.board.renew_leaves()

    def _plan(self, rules: Rules, find: Find) -> Plan:
        return plan_of(rules, find, replay=self._replay, replay_bytes=self._replay_bytes)

    def _noted(self, record: str, error: AuthrecordError) -> None:
        told = without_credential(record, error)
        self.metrics.troubles.append(Trouble(self._clock.time(), told.code, told.detail))

    def _authenticator(self, record: str) -> Authenticator:
        return self._find(record)


def _placements(plan: Plan) -> Iterable[Placement]:
    return [placement for target in plan.targets for placement in target.placements]


def _by_name(plan: Plan) -> dict[str, Target]:
    return {target.cluster: target for target in plan.targets}
