"""The gate of one record: one live credential and at most one renewal for all threads and all tasks.

Threads and tasks meet here. A renewal runs in another thread (`crew`), so it outlives whoever asked for it: the
server has spent the old refresh token, and the new one must reach the store even if the caller is cancelled.
The interpreter waits for it at exit, which the sender's deadline bounds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

from ..core.contracts import Clock
from ..core.errors import AuthrecordError, LoginRequired, TryLater
from .backoff import Backoff
from .crew import Start, start_alone
from .flight import Flight, own
from .live import Live

Obtain = Callable[[Live | None, Live | None], Live]
"""Obtains the next credential: given the one held, and the one that was rejected, if any. Blocks."""

LOGIN_REQUIRED_PAUSE = 1.0
"""Seconds for which "log in first" is answered without looking into the store again."""

STORE_AWAY_PAUSE = 1.0
"""Seconds before a database that was away is asked again: unlike a provider it is spared nothing by longer ones."""


class Source(Protocol):
    """Where an authenticator has its credential from."""

    renewable: bool
    live: Live | None

    def obtain(self, rejected: Live | None = None) -> Live:
        """The credential to use now. Blocks while it is obtained; raises when none can be had (fail closed)."""
        ...

    async def obtain_async(self, rejected: Live | None = None) -> Live:
        """The same for a task. A cancelled caller does not stop the renewal."""
        ...


def _still_living(found: Live | None, error: AuthrecordError) -> Live:
    """The credential that is used although its renewal failed; raises `error` when there is none.

    One that still lives is: an early renewal that failed costs nobody a request. But one that only a person can
    replace is given up just before its end, so that it does not run out on the way to the API.
    """
    if found is None or isinstance(error, LoginRequired):
        raise error
    return found


class Gate:
    """Hands out the live credential of one record; renews it early, once, and never for two callers."""

    renewable = True

    def __init__(
        self, obtain: Obtain, *, clock: Clock, backoff: Backoff, name: str, start: Start = start_alone
    ) -> None:
        self.live: Live | None = None
        self._obtain = obtain
        self._clock = clock
        self._backoff = backoff
        self._name = name
        self._start = start
        self._lock = threading.Lock()
        self._flight: Flight | None = None
        self._error: AuthrecordError | None = None
        self._quiet_until = 0.0

    def obtain(self, rejected: Live | None = None) -> Live:
        """The credential to use now; see `Source`."""
        found, flight = self._decide(rejected)
        if flight is None:
            return self._given(found)
        try:
            return flight.wait()
        except AuthrecordError as error:
            return _still_living(found, error)

    async def obtain_async(self, rejected: Live | None = None) -> Live:
        """The same for a task; see `Source`."""
        found, flight = self._decide(rejected)
        if flight is None:
            return self._given(found)
        try:
            return await flight.wait_async()
        except AuthrecordError as error:
            return _still_living(found, error)

    def adopt(self, live: Live) -> None:
        """Use `live` from now on: a login has ended."""
        with self._lock:
            self.live = live
            self._forgive()

    def drop(self) -> None:
        """Hold nothing from now on; a renewal that is under way no longer counts (I18)."""
        with self._lock:
            self.live = None
            self._flight = None
            self._forgive()

    def reset_after_fork(self) -> None:
        """In a forked child: the parent's renewal does not run here, and its lock may be held for ever."""
        self._lock = threading.Lock()
        self._flight = None

    def _decide(self, rejected: Live | None) -> tuple[Live | None, Flight | None]:
        """What can be used now, and the renewal to wait for, if one must be waited for."""
        with self._lock:
            held = self.live
            usable = held if held is not None and not held.is_same(rejected) else None
            if usable is not None:
                wall, monotonic = self._clock.time(), self._clock.monotonic()
                if usable.deadlines.fresh(wall, monotonic):
                    return usable, None
                quiet = self._flight is None and self._is_quiet()
                if quiet and usable.deadlines.unhurried(wall, monotonic):
                    return usable, None
                if (
                    quiet
                    and usable.deadlines.alive(wall, monotonic)
                    and not isinstance(self._error, LoginRequired)
                ):
                    return usable, None
                if not quiet and usable.deadlines.unhurried(wall, monotonic):
                    self._board(rejected=None)
                    return usable, None
                usable = usable if usable.deadlines.alive(wall, monotonic) else None
            if self._flight is None and self._is_quiet():
                assert self._error is not None  # noqa: S101 - quiet begins with an error; states it for the type
                raise own(self._error)
            return usable, self._board(rejected)

    def _is_quiet(self) -> bool:
        return self._error is not None and self._clock.monotonic() < self._quiet_until

    def _board(self, rejected: Live | None) -> Flight:
        """The renewal under way, or a new one."""
        if self._flight is None:
            self._flight = flight = Flight()
            self._start(self._name, partial(self._fly, flight, self.live, rejected))
        return self._flight

    def _fly(self, flight: Flight, held: Live | None, rejected: Live | None) -> None:
        try:
            live = self._obtain(held, rejected)
        except BaseException as error:  # noqa: BLE001 - it belongs to the waiters, whatever it is
            self._land(flight, None, error)
            flight.future.set_exception(error)
        else:
            self._land(flight, live, None)
            flight.future.set_result(live)

    def _land(self, flight: Flight, live: Live | None, error: BaseException | None) -> None:
        with self._lock:
            if self._flight is not flight:
                return  # dropped on the way: its waiters get what it brought, and nobody after them
            self._flight = None
            if live is not None:
                self.live = live
                self._forgive()
            elif isinstance(error, AuthrecordError):
                self._error = error
                self._quiet_until = self._clock.monotonic() + self._pause(error)

    def _pause(self, error: AuthrecordError) -> float:
        if isinstance(error, LoginRequired):
            return LOGIN_REQUIRED_PAUSE
        if error.code == "store_away":
            return STORE_AWAY_PAUSE
        asked = error.retry_after if isinstance(error, TryLater) else 0.0
        return self._backoff.next(asked)

    def _forgive(self) -> None:
        self._error = None
        self._quiet_until = 0.0
        self._backoff.reset()

    def _given(self, found: Live | None) -> Live:
        assert found is not None  # noqa: S101 - `_decide` gives one of the two; states it for the type
        return found
