"""The queue in front of the pool of httpx and of httpx2: in order, on time, and no turn is ever lost."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import anyio
import pytest

from .queue_bench import ON_BOTH_LOOPS, PATIENCE, Bench, Kit, get, on
from .records import Tokens
from .server import Server


@ON_BOTH_LOOPS
def test_I2_a_burst_never_puts_more_requests_into_the_pool_than_it_has_connections(
    bench: Bench, backend: str
) -> None:
    async def story() -> None:
        async with bench.client(connections=3) as client:
            async with anyio.create_task_group() as group:
                for number in range(200):
                    group.start_soon(get, client, f"/{number}")
            assert bench.inner.fullest == 3
            bench.check_idle()

    on(backend, story)
    assert sorted(bench.paths()) == sorted(f"/{number}" for number in range(200))


@ON_BOTH_LOOPS
def test_first_come_first_served_and_a_newcomer_does_not_overtake(bench: Bench, backend: str) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            for number in range(8):
                group.start_soon(get, client, f"/{number}")
                await bench.waiting(number + 1)
            bench.may_end.set()
            await bench.waiting(6)
            group.start_soon(get, client, "/newcomer")
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
            tasks = [asyncio.create_task(get(client, path)) for path in paths]
            await bench.waiting(len(paths))
            await response.aread()
            assert bench.inner._pool._requests == []
            await get(client, "/newcomer")
            await asyncio.gather(*tasks)
            bench.check_idle()

    asyncio.run(story())
    assert bench.paths() == ["/stream", *paths, "/newcomer"]


@ON_BOTH_LOOPS
def test_H11_the_pool_timeout_of_the_request_ends_its_waiting(bench: Bench, backend: str) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            with pytest.raises(bench.library.PoolTimeout) as caught:
                await client.get("/late", timeout=bench.library.Timeout(PATIENCE, pool=0.05))
            assert caught.value.request.url.path == "/late"
            bench.may_end.set()
            await get(client, "/next", timeout=None)
        bench.check_idle()

    on(backend, story)
    assert bench.paths() == ["/held", "/next"]


@ON_BOTH_LOOPS
def test_H10_a_cancelled_waiter_leaves_and_the_next_one_goes_on(bench: Bench, backend: str) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            async with anyio.create_task_group() as inner:
                inner.start_soon(get, client, "/cancelled")
                await bench.waiting(1)
                group.start_soon(get, client, "/patient")
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
            first = asyncio.create_task(get(client, "/first"))
            await bench.waiting(1)
            second = asyncio.create_task(get(client, "/second"))
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
            group.start_soon(get, client, "/next")
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
                group.start_soon(get, client, "/held")
                await bench.until(lambda: bench.held == 1)
                for _ in range(5):
                    group.start_soon(fails, client)
                    group.start_soon(get, client, "/kept")
                    group.start_soon(get, client, "/sent")
                await bench.waiting(15)
                bench.may_end.set()
            bench.check_idle()

        on(backend, story)
    assert bench.paths() == ["/held"] + ["/sent"] * 5
