"""One renewal under way, and those who wait for it: threads, and the tasks of every event loop."""

from __future__ import annotations

import copy
import sys
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from ..core.errors import AuthrecordError
from .live import Live

if TYPE_CHECKING:
    import asyncio

MOST_AT_ONCE: Final = 32
"""How many waiting tasks go on in one turn of an event loop. A thousand at once would hold up everything else."""


class Flight:
    """One renewal under way: a future for threads, and a crowd of tasks for each event loop."""

    def __init__(self) -> None:
        self.future: Future[Live] = Future()
        self._crowds: dict[asyncio.AbstractEventLoop, _Crowd] = {}
        self._lock = threading.Lock()

    def wait(self) -> Live:
        """The renewed credential. Raises a copy of the renewal's error: one exception per waiter."""
        error = self.future.exception()
        if error is not None:
            raise own(error)
        return self.future.result()

    async def wait_async(self) -> Live:
        """The same for a task, under asyncio or trio. The task alone is cancelled, never the renewal."""
        if not self.future.done():
            loop = running_loop()
            if loop is None:
                await self._wait_elsewhere()
            else:
                await self._crowd(loop).place()
        return self.wait()

    async def _wait_elsewhere(self) -> None:
        """Wait under an event loop that is not asyncio's, by a thread that may be abandoned."""
        from anyio.to_thread import run_sync

        await run_sync(self.future.exception, abandon_on_cancel=True)

    def _crowd(self, loop: asyncio.AbstractEventLoop) -> _Crowd:
        with self._lock:
            crowd = self._crowds.get(loop)
            if crowd is None:
                crowd = self._crowds[loop] = _Crowd(loop)
                self.future.add_done_callback(crowd.landed)
        return crowd


class _Crowd:
    """The tasks of one event loop that wait, each on a future of its own. They go on in the order they came."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._places: deque[asyncio.Future[None]] = deque()

    def place(self) -> asyncio.Future[None]:
        """What a task of this loop waits on. Asked in the loop, before the renewal is known to have ended."""
        place: asyncio.Future[None] = self._loop.create_future()
        self._places.append(place)
        return place

    def landed(self, _: Any) -> None:
        """The renewal has ended. Called in any thread; nobody waits in a loop that was closed."""
        if self._loop.is_closed():
            return
        try:
            self._loop.call_soon_threadsafe(self._go_on)
        except RuntimeError:  # the loop was closed between the question and the call
            return

    def _go_on(self) -> None:
        """Wake the next few; the rest in the loop's next turn, behind the work of these and of everybody else."""
        for _ in range(min(MOST_AT_ONCE, len(self._places))):
            place = self._places.popleft()
            if not place.done():
                place.set_result(None)
        if self._places:
            self._loop.call_soon(self._go_on)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """asyncio's event loop of this thread, `None` under another library's. Imports nothing."""
    if "asyncio" not in sys.modules:
        return None
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def own(error: BaseException) -> BaseException:
    """A copy of `error` for one waiter, since raising writes a traceback into the exception."""
    return copy.copy(error) if isinstance(error, AuthrecordError) else error
