"""What a request carries that waited in front of a pool, and who shares the queue there."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import anyio

from authrecord.clients.httpx_queue import queue_of
from tests.canary_watch import Canary

from .queue_bench import ON_BOTH_LOOPS, PATIENCE, Bench, Kit, get, on
from .records import PLACEMENTS, Tokens, authenticator
from .server import Arrived, Reply, Server


def test_E2_a_request_to_another_origin_waits_in_the_same_queue_and_carries_nothing(
    bench: Bench, foreign: Server
) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            group.start_soon(get, client, foreign.origin + "/")
            await bench.waiting(1)
            bench.may_end.set()
        bench.check_idle()

    anyio.run(story)
    assert [each.values("authorization") for each in foreign.arrived] == [[]]


def test_a_request_carries_the_token_that_was_renewed_while_it_waited(bench: Bench, tokens: Tokens) -> None:
    async def story() -> None:
        async with bench.client() as client, anyio.create_task_group() as group:
            group.start_soon(get, client, "/held")
            await bench.until(lambda: bench.held == 1)
            group.start_soon(get, client, "/next")
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
            group.start_soon(get, client, "/")
            await bench.until(lambda: len(own.arrived) == 1)
            group.start_soon(get, client, "/held")
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
                    group.start_soon(get, client, "/")
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
                waits = asyncio.create_task(get(other, bench.own.origin + "/other"))
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
                await get(client, "/cancelled")
        elif kind == "impatient":
            try:
                await get(client, "/impatient", timeout=bench.library.Timeout(PATIENCE, pool=pause))
            except bench.library.PoolTimeout as error:
                assert error.request.url.path == "/impatient"
        elif kind == "abandoned":
            async with client.stream("GET", "/abandoned") as response:
                assert response.status_code == 200
        else:
            await get(client, "/patient")

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
                    group.start_soon(get, client, "/held")
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
