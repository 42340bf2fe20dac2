"""The queue in front of the pool of httpx and of httpx2: in order, on time, and no turn is ever lost."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
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
from tests.canary_watch import Canary

from .records import PLACEMENTS, Tokens, authenticator
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


@pytest.fixture
def tokens(canary: Canary) -> Tokens:
    return Tokens([canary("first token"), canary("second token")], PLACEMENTS["Authorization"])


@pytest.fixture(params=KITS, ids=["httpx", "httpx2"])
def kit(request: pytest.FixtureRequest) -> Kit:
    found: Kit = request.param
    return found


@pytest.fixture
def bench(kit: Kit, own: Server, tokens: Tokens) -> Iterator[Bench]:
    one = Bench(kit, own, tokens)
    yield one
    one.may_end.set()


def on(backend: str, story: Callable[[], Awaitable[None]]) -> None:
    anyio.run(story, backend=backend)


async def _get(client: Any, path: str, **options: Any) -> None:
    (await client.get(path, **options)).raise_for_status()


@ON_BOTH_LOOPS
def test_I2_a_burst_never_puts_more_requests_into_the_pool_than_it_has_connections(
    bench: Bench, backend: str
) -> None:
    async def story() -> None:
        async with bench.client(connections=3) as client:
            async with anyio.create_task_group() as group:
                for number in range(200):
                    group.start_soon(_get, client, f"/{number}")
            assert bench.inner.fullest == 3
            bench.check_idle()

    on(backend, story)
    assert sorted(bench.paths()) == sorted(f"/{number}" for number in range(200))


@ON_BOTH_LOOPS
def test_first_come_first_served_and_a_newcomer_does_not_overtake(bench: Bench, backend: str) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(_get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            for number in range(8):
                group.start_soon(_get, client, f"/{number}")
                await bench.waiting(number + 1)
            bench.may_end.set()
            await bench.waiting(6)
            group.start_soon(_get, client, "/newcomer")
        bench.check_idle()

    on(backend, story)
    assert bench.paths() == ["/held", *(f"/{number}" for number in range(8)), "/newcomer"]


@pytest.mark.parametrize("paths", [["/last"], ["/first", "/second"]], ids=len)
def test_a_newcomer_does_not_overtake_one_whose_turn_has_come_and_who_is_not_in_the_pool_yet(
    bench: Bench, paths: list[str]
) -> None:
    async def story() -> None:
        async with bench.client() as client:
            response = await client.send(client.build_request("GET", "/stream"), stream=True)
            tasks = [asyncio.create_task(_get(client, path)) for path in paths]
            await bench.waiting(len(paths))
            await response.aread()
            assert bench.inner._pool._requests == []
            await _get(client, "/newcomer")
            await asyncio.gather(*tasks)
            bench.check_idle()

    asyncio.run(story())
    assert bench.paths() == ["/stream", *paths, "/newcomer"]


@ON_BOTH_LOOPS
def test_H11_the_pool_timeout_of_the_request_ends_its_waiting(bench: Bench, backend: str) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(_get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            with pytest.raises(bench.library.PoolTimeout) as caught:
                await client.get("/late", timeout=bench.library.Timeout(PATIENCE, pool=0.05))
            assert caught.value.request.url.path == "/late"
            bench.may_end.set()
            await _get(client, "/next", timeout=None)
        bench.check_idle()

    on(backend, story)
    assert bench.paths() == ["/held", "/next"]


@ON_BOTH_LOOPS
def test_H10_a_cancelled_waiter_leaves_and_the_next_one_goes_on(bench: Bench, backend: str) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(_get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            async with anyio.create_task_group() as inner:
                inner.start_soon(_get, client, "/cancelled")
                await bench.waiting(1)
                group.start_soon(_get, client, "/patient")
                await bench.waiting(2)
                inner.cancel_scope.cancel()
            bench.may_end.set()
        bench.check_idle()

    on(backend, story)
    assert bench.paths() == ["/held", "/patient"]


def test_H10_a_waiter_that_is_cancelled_when_its_turn_has_come_passes_it_on(bench: Bench) -> None:
    async def story() -> None:
        async with bench.client() as client:
            response = await client.send(client.build_request("GET", "/stream"), stream=True)
            first = asyncio.create_task(_get(client, "/first"))
            await bench.waiting(1)
            second = asyncio.create_task(_get(client, "/second"))
            await bench.waiting(2)
            await response.aread()
            assert (bench.queue._let_in, len(bench.queue._waiting)) == (1, 1)
            first.cancel()
            await second
            assert first.cancelled()
            bench.check_idle()

    asyncio.run(story())
    assert bench.paths() == ["/stream", "/second"]


@ON_BOTH_LOOPS
def test_a_streamed_answer_that_was_open_before_anybody_waited_lets_the_next_one_in(
    bench: Bench, backend: str
) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            response = await client.send(client.build_request("GET", "/stream"), stream=True)
            group.start_soon(_get, client, "/next")
            await bench.waiting(1)
            assert bench.paths() == ["/stream"]
            await response.aread()
        bench.check_idle()

    on(backend, story)
    assert bench.paths() == ["/stream", "/next"]


@ON_BOTH_LOOPS
def test_a_request_that_fails_or_never_comes_to_the_pool_costs_nobody_a_turn(
    kit: Kit, own: Server, tokens: Tokens, backend: str
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        bench = Bench(kit, own, tokens, nowhere)

        async def fails(client: Any) -> None:
            with pytest.raises(kit.library.ConnectError):
                await client.get(nowhere)

        async def story() -> None:
            async with bench.client() as client, anyio.create_task_group() as group:
                group.start_soon(_get, client, "/held")
                await bench.until(lambda: bench.held == 1)
                for _ in range(5):
                    group.start_soon(fails, client)
                    group.start_soon(_get, client, "/kept")
                    group.start_soon(_get, client, "/sent")
                await bench.waiting(15)
                bench.may_end.set()
            bench.check_idle()

        on(backend, story)
    assert bench.paths() == ["/held"] + ["/sent"] * 5


def test_E2_a_request_to_another_origin_waits_in_the_same_queue_and_carries_nothing(
    bench: Bench, foreign: Server
) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(_get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            group.start_soon(_get, client, foreign.origin + "/")
            await bench.waiting(1)
            bench.may_end.set()
        bench.check_idle()

    anyio.run(story)
    assert [each.values("authorization") for each in foreign.arrived] == [[]]


def test_a_request_carries_the_token_that_was_renewed_while_it_waited(bench: Bench, tokens: Tokens) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(_get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            group.start_soon(_get, client, "/next")
            await bench.waiting(1)
            tokens.obtain(rejected=tokens.live)
            bench.may_end.set()

    anyio.run(story)
    held, following = (each.values("authorization") for each in bench.own.arrived)
    assert held != following


def test_a_replay_carries_the_token_that_was_renewed_while_it_waited(
    kit: Kit, own: Server, canary: Canary
) -> None:
    tokens = Tokens([canary("first"), canary("second"), canary("third")], PLACEMENTS["Authorization"])
    bench = Bench(kit, own, tokens)
    may_refuse = threading.Event()

    def refuse_once(arrived: Arrived) -> Reply:
        assert may_refuse.wait(PATIENCE)
        return Reply(200 if len(own.arrived) > 2 else 401)

    own.routes["/"] = refuse_once

    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(_get, client, "/")
            await bench.until(lambda: len(own.arrived) == 1)
            group.start_soon(_get, client, "/held")
            await bench.waiting(1)
            may_refuse.set()
            await bench.until(lambda: bench.held == 1)
            await bench.waiting(1)
            tokens.obtain(rejected=tokens.live)
            bench.may_end.set()

    anyio.run(story)
    assert tokens.live is not None
    assert tokens.live.token is not None
    third = "Bearer " + tokens.live.token.access_token.reveal()
    assert bench.paths() == ["/", "/held", "/"]
    assert own.arrived[-1].values("authorization") == [third]
    assert tokens.obtained == 3


def test_H7_replays_wait_behind_the_others_and_block_nobody(bench: Bench, tokens: Tokens) -> None:
    refused = "Bearer " + tokens._lives[0].token.access_token.reveal()  # type: ignore[union-attr]  # it has one
    bench.own.routes["/"] = lambda arrived: Reply(
        401 if arrived.values("authorization") == [refused] else 200
    )

    async def story() -> None:
        async with bench.client(connections=2) as client:
            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(_get, client, "/")
            assert bench.inner.fullest == 2
            bench.check_idle()

    anyio.run(story)
    assert tokens.obtained == 2


def test_E11_two_clients_on_one_pool_share_its_queue(bench: Bench, tokens: Tokens) -> None:
    async def story() -> None:
        async with bench.client() as client:
            other = bench.kit.adapter.attach(
                bench.library.AsyncClient(transport=bench.inner), authenticator([], source=tokens)
            )
            assert bench.queue_of(bench.inner) is bench.queue
            async with client.stream("GET", "/stream"):
                waits = asyncio.create_task(_get(other, bench.own.origin + "/other"))
                await bench.waiting(1)
            await waits
            bench.check_idle()

    asyncio.run(story())


@ON_BOTH_LOOPS
def test_no_turn_is_lost_in_a_storm_of_cancelled_impatient_and_abandoned_requests(
    bench: Bench, backend: str
) -> None:
    chance = random.Random(7)

    async def one(client: Any, kind: str, pause: float) -> None:
        if kind == "cancelled":
            with anyio.move_on_after(pause):
                await _get(client, "/cancelled")
        elif kind == "impatient":
            try:
                await _get(client, "/impatient", timeout=bench.library.Timeout(PATIENCE, pool=pause))
            except bench.library.PoolTimeout as error:
                assert error.request.url.path == "/impatient"
        elif kind == "abandoned":
            async with client.stream("GET", "/abandoned") as response:
                assert response.status_code == 200
        else:
            await _get(client, "/patient")

    async def story() -> None:
        async with bench.client(connections=3) as client:
            async with anyio.create_task_group() as group:
                for _ in range(300):
                    kind = chance.choice(["cancelled", "impatient", "abandoned", "patient"])
                    group.start_soon(one, client, kind, chance.uniform(0, 0.3))
            assert bench.inner.fullest == 3
            bench.check_idle()
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(_get, client, "/held")
                await bench.until(lambda: bench.held == 3)
                bench.may_end.set()

    on(backend, story)


def test_only_a_pool_of_the_librarys_own_over_http_1_gets_a_queue(kit: Kit) -> None:
    """Pins what is read of the pool: with another version that differs there would be no queue, and no harm."""
    library = kit.library

    def found(transport: Any) -> bool:
        return queue_of(kit.adapter.LIBRARY, transport) is not None

    assert found(library.AsyncHTTPTransport())
    assert found(library.AsyncHTTPTransport(proxy="http://127.0.0.1:9"))
    assert not found(library.AsyncHTTPTransport(http2=True))
    assert not found(library.MockTransport(lambda _: library.Response(200)))
    assert not found(library.ASGITransport(lambda *_: None))
    changed = library.AsyncHTTPTransport()
    changed._pool._requests = ()  # as in a version that keeps them otherwise
    assert not found(changed)
