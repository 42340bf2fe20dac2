"""A queue in front of the pool of an `AsyncClient` of httpx or httpx2.

A request that waits in the pool carries the credential that was put on it before, which may run out there: with
more tasks than connections the waiting can be longer than a token's life. A request that the pool could only let wait
therefore waits here, in order and at no cost, until a request leaves the pool, and is stamped then.

For httpx there is a second reason: httpcore looks at every request that waits in its pool, for every connection,
whenever a request comes or goes. With a thousand tasks and a hundred connections that keeps the event loop busy for
ten seconds.

Nobody waits who would not have waited in the pool: it holds as many requests as it may open connections, and over
HTTP/1.1 each of them needs one. A pool that speaks HTTP/2, where many share a connection, has no queue.

Attributes that are not public are read here, and the first on the transport's hot path: `_requests` of the pool, a list
to which a request is appended when it comes and from which it is removed when its response is closed or when it fails;
`_max_connections` and `_http2`; and the transport's `_pool`. A pool in which they are not what they were gets no queue.
The contract suite pins them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from ..keeper.flight import running_loop
from .httpx_request import Library

_MARK: Final = "_authrecord_queue"
_NO_ROOM: Final = -1


class PoolQueue:
    """Those who wait for room in one pool, first come, first served. One per pool, whoever shares the pool.

    On the hot path only `len(pool._requests) < room` is asked; if it holds, a request goes straight to the pool.
    Otherwise it takes its `turn`, is sent, and says `sent` however that ended. Used in the pool's event loop only.
    """

    def __init__(self, pool: Any, timed_out: Callable[[str], Exception]) -> None:
        self.pool = pool
        self._timed_out = timed_out
        self.room = self._most = int(pool._max_connections)
        self._waiting: OrderedDict[_Place, None] = OrderedDict()
        self._let_in = 0  # have their turn, and are not in the pool yet

    async def turn(self, seconds: float | None) -> None:
        """Wait for room, at most `seconds`. The request must be sent in the same step of its task.

        Raises the library's `PoolTimeout`. A waiter that is cancelled passes its turn on.
        """
        if not self._waiting and self._is_room():
            return
        self._watch()
        self.room = _NO_ROOM  # nobody overtakes those who wait
        loop = running_loop()
        place: _Place = _ElsewherePlace() if loop is None else _AsyncioPlace(loop)
        self._waiting[place] = None
        try:
            is_mine = await place.wait(seconds)
        except BaseException:
            self._let_in -= place.was_let_in()
            self._leave(place)
            raise
        if not is_mine:
            self._leave(place)
            raise self._timed_out("no connection of the pool became free in time")
        self._let_in -= 1
        self._reopen()

    def sent(self) -> None:
        """A request that had its turn was answered or failed; perhaps it never came to the pool."""
        self._fill()

    def _leave(self, place: _Place) -> None:
        self._waiting.pop(place, None)
        self._fill()

    def _is_room(self) -> bool:
        return len(self.pool._requests) + self._let_in < self._most

    def _fill(self) -> None:
        """Let in as many as there is room for."""
        while self._waiting and self._is_room():
            place, _ = self._waiting.popitem(last=False)
            if place.let_in():
                self._let_in += 1
        self._reopen()

    def _reopen(self) -> None:
        if not self._waiting and not self._let_in:
            self.room = self._most

    def _watch(self) -> None:
        """From now on the pool's list says when a request leaves it, for whatever reason."""
        if type(self.pool._requests) is list:
            self.pool._requests = _Watched(self.pool._requests, self._fill)


class _Watched(list[Any]):
    """The requests in a pool. Tells `left` of each that leaves."""

    def __init__(self, requests: Iterable[Any], left: Callable[[], None]) -> None:
        super().__init__(requests)
        self._left = left

    def remove(self, request: Any, /) -> None:
        super().remove(request)
        self._left()


class _Place(Protocol):
    """Where one request waits."""

    async def wait(self, seconds: float | None) -> bool:
        """True when the request was let in, False when `seconds` went by before."""
        ...

    def let_in(self) -> bool:
        """Wake the request. False when nobody waits here any more."""
        ...

    def was_let_in(self) -> bool:
        """True when it was woken to go on, even if it was cancelled before it did."""
        ...


class _AsyncioPlace:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._mine: asyncio.Future[bool] = loop.create_future()

    async def wait(self, seconds: float | None) -> bool:
        if seconds is None:
            return await self._mine
        timer = self._loop.call_later(seconds, self._give_up)
        try:
            return await self._mine
        finally:
            timer.cancel()

    def let_in(self) -> bool:
        if self._mine.done() or self._loop.is_closed():
            return False
        self._mine.set_result(True)
        return True

    def was_let_in(self) -> bool:
        return self._mine.done() and not self._mine.cancelled() and self._mine.result()

    def _give_up(self) -> None:
        if not self._mine.done():
            self._mine.set_result(False)


class _ElsewherePlace:
    """The same under trio."""

    def __init__(self) -> None:
        import anyio

        self._woken = anyio.Event()

    async def wait(self, seconds: float | None) -> bool:
        import anyio

        with anyio.move_on_after(seconds):
            await self._woken.wait()
        return self._woken.is_set()

    def let_in(self) -> bool:
        self._woken.set()
        return True

    def was_let_in(self) -> bool:
        return self._woken.is_set()


def queue_of(library: Library, transport: Any) -> PoolQueue | None:
    """The queue in front of the pool of `transport`.

    `None` if that is no transport of the library's own, or its pool is not as expected.
    """
    if not isinstance(transport, library.async_transport):
        return None
    pool: Any = transport._pool
    found: PoolQueue | None = getattr(pool, _MARK, None)
    if found is None and _is_as_expected(pool):
        found = PoolQueue(pool, library.pool_timeout)
        setattr(pool, _MARK, found)
    return found


def _is_as_expected(pool: Any) -> bool:
    return (
        type(getattr(pool, "_requests", None)) is list
        and isinstance(getattr(pool, "_max_connections", None), int)
        and getattr(pool, "_http2", None) is False
    )
