"""Renews every record's credential before it runs out, and hands each new one to the board.

Envoy injects what it holds without asking, so that somebody else has to look at the clock: one task, with a heap
of moments, for any number of records.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Iterable
from typing import Final

from ...core.contracts import Clock
from ...core.errors import AuthrecordError, StoreFault, TryLater
from ...keeper.authenticator import Authenticator
from ...keeper.live import Live
from .board import Board

log = logging.getLogger("authrecord")

AT_ONCE: Final = 64
"""Renewals that run side by side."""

PAUSE: Final = 1.0
"""Seconds before a credential that could not be had is asked for again; the keeper has pauses of its own."""

LONGEST_PAUSE: Final = 60.0
"""Where time alone does not mend it: a person has to log in, or to change the record."""


class Keeping:
    """Keeps the credentials of some records fresh on a board, in one event loop.

    `failed` is told which record has no new one, and why.
    """

    def __init__(
        self,
        authenticators: Callable[[str], Authenticator],
        board: Board,
        clock: Clock,
        *,
        failed: Callable[[str, AuthrecordError], None],
    ) -> None:
        self._failed = failed
        self._authenticators = authenticators
        self._board = board
        self._clock = clock
        self._places = asyncio.Semaphore(AT_ONCE)
        self._due: list[tuple[float, str]] = []
        self._records: set[str] = set()
        self._pauses: dict[str, float] = {}
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, records: Iterable[str]) -> None:
        """Obtain what these records have not yet, all beside each other; those that fail are tried again later."""
        wanted = set(records)
        new = sorted(wanted - self._records)
        self._records = wanted
        self._board.expects(new)
        await asyncio.gather(*(self._renew(record) for record in new))

    async def run(self) -> None:
        """Renew what is due, until cancelled."""
        try:
            while True:
                await self._wait()
                now = self._clock.monotonic()
                while self._due and self._due[0][0] <= now:
                    _, record = heapq.heappop(self._due)
                    task = asyncio.create_task(self._renew(record))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
        finally:
            for task in tuple(self._tasks):
                task.cancel()

    async def _wait(self) -> None:
        self._woken.clear()
        left = self._due[0][0] - self._clock.monotonic() if self._due else None
        try:
            await asyncio.wait_for(self._woken.wait(), left)
        except TimeoutError:
            return

    async def _renew(self, record: str) -> None:
        if record not in self._records:
            return
        async with self._places:
            authenticator = self._authenticators(record)
            held = authenticator.held
            try:
                live = authenticator.ready() or await authenticator.credential_async(held)
                self._board.put(record, live)
            except AuthrecordError as error:
                log.warning("record %s: no new credential: %s", record, error.message)
                self._failed(record, error)
                self._board.misses(record)
                passes = isinstance(error, TryLater | StoreFault)
                self._again(record, PAUSE if passes else self._longer_pause(record))
                return
        self._pauses.pop(record, None)
        left = self._left(live)
        if left is not None:
            self._again(record, max(left, 0.05))

    def _longer_pause(self, record: str) -> float:
        pause = self._pauses[record] = min(self._pauses.get(record, PAUSE / 2) * 2, LONGEST_PAUSE)
        return pause

    def _left(self, live: Live) -> float | None:
        """Seconds until a renewal is due; `None` for a credential that no clock ends."""
        wall = live.deadlines.renew_wall - self._clock.time()
        monotonic = live.deadlines.renew_monotonic - self._clock.monotonic()
        left = min(wall, monotonic)
        return None if left == float("inf") else left

    def _again(self, record: str, seconds: float) -> None:
        heapq.heappush(self._due, (self._clock.monotonic() + seconds, record))
        self._woken.set()
