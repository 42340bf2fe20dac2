"""Handlers that wait for the store or a provider run in threads; the event loop goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Final, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

AT_ONCE: Final = 100
"""Handlers that may wait at a time: a provider that hangs holds a few, and the others go on."""

P = ParamSpec("P")
T = TypeVar("T")

_limiters: list[CapacityLimiter] = []


def in_thread(handler: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """`handler` as a coroutine function that runs it in a thread.

    Litestar's own `sync_to_thread` wraps a handler twice where two methods share a path (2.25), and then answers
    with a coroutine.
    """

    @wraps(handler)
    async def threaded(*arguments: P.args, **named: P.kwargs) -> T:
        if not _limiters:
            _limiters.append(CapacityLimiter(AT_ONCE))
        return await to_thread.run_sync(partial(handler, *arguments, **named), limiter=_limiters[0])

    return threaded
