"""Handlers that wait for the store or a provider run in threads; the event loop goes on.

Those that may wait for a provider have threads of their own, a few for each record: a provider that hangs holds up
who asked for its records, and neither the pages nor the other records.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, Final, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

AT_ONCE: Final = 100
"""Handlers that may wait for the store at a time."""

FOR_PROVIDERS: Final = 200
"""Handlers that may wait for providers at a time."""

FOR_ONE: Final = 8
"""And how many of these for one record; more wait without a thread."""

P = ParamSpec("P")
T = TypeVar("T")

_limiters: dict[int, CapacityLimiter] = {}


def in_thread(handler: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """`handler` as a coroutine function that runs it in a thread.

    Litestar's own `sync_to_thread` wraps a handler twice where two methods share a path (2.25), and then answers
    with a coroutine.
    """

    @wraps(handler)
    async def threaded(*arguments: P.args, **named: P.kwargs) -> T:
        return await _run(partial(handler, *arguments, **named), AT_ONCE)

    return threaded


def in_thread_for_provider(handler: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The same for a handler that may wait for a provider. It takes `caller`, and `name` where it is about a record."""

    @wraps(handler)
    async def threaded(*arguments: P.args, **named: P.kwargs) -> T:
        caller: Any = named["caller"]
        async with _turn((caller.tenant, str(named.get("name") or caller.identity))):
            return await _run(partial(handler, *arguments, **named), FOR_PROVIDERS)

    return threaded


async def _run(work: Callable[[], T], most: int) -> T:
    limiter = _limiters.get(most)
    if limiter is None:
        limiter = _limiters[most] = CapacityLimiter(most)
    return await to_thread.run_sync(work, limiter=limiter)


@dataclass(slots=True)
class _Queue:
    """Who waits for one record. `length`: those who have their turn, too."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FOR_ONE))
    length: int = 0


_queues: dict[tuple[str, str], _Queue] = {}


@asynccontextmanager
async def _turn(key: tuple[str, str]) -> AsyncIterator[None]:
    """Wait until fewer than `FOR_ONE` others are at `key`, in the order in which they came."""
    queue = _queues.setdefault(key, _Queue())
    queue.length += 1
    try:
        async with queue.turns:
            yield
    finally:
        queue.length -= 1
        if queue.length == 0:
            _queues.pop(key, None)
