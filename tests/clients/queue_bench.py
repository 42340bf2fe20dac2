"""What the tests of the queue in front of a pool share: a client of few connections, and a server that holds."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import httpx2
import pytest

import authrecord.clients.httpx as for_httpx
import authrecord.clients.httpx2 as for_httpx2
from authrecord.clients.httpx_queue import PoolQueue, queue_of

from .records import Tokens, authenticator
from .server import Arrived, Reply, Server

ON_BOTH_LOOPS = pytest.mark.parametrize("backend", ["asyncio", "trio"])
PATIENCE = 20.0


@dataclass(frozen=True)
class Kit:
    """A library, and its adapter."""

    library: Any
    adapter: Any


KITS = [Kit(httpx, for_httpx), Kit(httpx2, for_httpx2)]


def counting(library: Any, connections: int) -> Any:
    """A transport that notes how full the pool is when a request comes; answers `/kept` itself, as a cache would."""

    class Counting(library.AsyncHTTPTransport):  # type: ignore[misc]  # a class of the library that is tested
        fullest = 0

        async def handle_async_request(self, request: Any) -> Any:
            if request.url.path == "/kept":
                return library.Response(200, content=b"kept")
            self.fullest = max(self.fullest, len(self._pool._requests) + 1)
            return await super().handle_async_request(request)

    return Counting(limits=library.Limits(max_connections=connections))


class Bench:
    """A client of few connections, its queue, and a route of the server that holds its requests."""

    def __init__(self, kit: Kit, own: Server, source: Tokens, *others: str) -> None:
        self.kit, self.library = kit, kit.library
        self.own, self.source, self.others = own, source, others
        self.may_end = threading.Event()
        self.held = 0
        own.routes["/held"] = self._hold

    def _hold(self, arrived: Arrived) -> Reply:
        self.held += 1
        assert self.may_end.wait(PATIENCE)
        return Reply(200, b"held")

    @asynccontextmanager
    async def client(self, connections: int = 1) -> AsyncIterator[Any]:
        self.inner = counting(self.library, connections)
        found = self.queue_of(self.inner)
        assert found is not None
        self.queue: PoolQueue = found
        transport = self.kit.adapter.AsyncTransport(
            authenticator([], self.own.origin, *self.others, source=self.source), self.inner
        )
        async with self.library.AsyncClient(
            transport=transport, base_url=self.own.origin, timeout=PATIENCE
        ) as one:
            with anyio.fail_after(2 * PATIENCE):
                yield one

    def queue_of(self, transport: Any) -> PoolQueue | None:
        return queue_of(self.kit.adapter.LIBRARY, transport)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110 - what happens inside the queue has no event of its own
            await anyio.sleep(0.001)

    async def waiting(self, count: int) -> None:
        await self.until(lambda: len(self.queue._waiting) == count)

    def check_idle(self) -> None:
        """Nothing stands in the pool or before it, and the next request goes straight on."""
        assert self.inner._pool._requests == []
        assert not self.queue._waiting
        assert (self.queue._let_in, self.queue.room) == (0, self.inner._pool._max_connections)

    def paths(self) -> list[str]:
        return [each.path for each in self.own.arrived]


def on(backend: str, story: Callable[[], Awaitable[None]]) -> None:
    anyio.run(story, backend=backend)


async def get(client: Any, path: str, **options: Any) -> None:
    (await client.get(path, **options)).raise_for_status()
