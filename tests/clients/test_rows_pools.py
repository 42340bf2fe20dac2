"""E11 and H6: connections that two records share, and requests that are made anew for each sending."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
from requests.adapters import HTTPAdapter

import authrecord.clients.aiohttp as for_aiohttp
import authrecord.clients.httpx as for_httpx
import authrecord.clients.httpx2 as for_httpx2
import authrecord.clients.requests as for_requests
from tests.canary_watch import Canary

from .records import PLACEMENTS, Tokens, authenticator
from .server import Arrived, Reply, Server

BOTH_HTTPX = pytest.mark.parametrize(
    ("library", "adapter"), [(httpx, for_httpx), (httpx2, for_httpx2)], ids=["httpx", "httpx2"]
)


def check_each_call_has_its_own(own: Server, first: str, second: str) -> None:
    """Three calls of first, second, first, which arrived over one connection."""
    assert [each.values("authorization") for each in own.arrived] == [
        [f"Bearer {first}"],
        [f"Bearer {second}"],
        [f"Bearer {first}"],
    ]
    assert {each.connection for each in own.arrived} == {1}


@pytest.fixture
def two(canary: Canary) -> tuple[str, str]:
    return canary("first record's token"), canary("second record's token")


@BOTH_HTTPX
def test_E11_two_records_on_one_pool_never_mix(
    own: Server, two: tuple[str, str], library: Any, adapter: Any
) -> None:
    pool = library.HTTPTransport()
    clients = [
        library.Client(transport=adapter.Transport(authenticator(token, own.origin), pool)) for token in two
    ]
    for client in (clients[0], clients[1], clients[0]):
        client.get(own.origin + "/")
    for client in clients:
        client.close()
    check_each_call_has_its_own(own, *two)


@BOTH_HTTPX
def test_E11_two_records_on_one_pool_of_tasks_never_mix(
    own: Server, two: tuple[str, str], library: Any, adapter: Any
) -> None:
    async def run() -> None:
        pool = library.AsyncHTTPTransport()
        clients = [
            library.AsyncClient(transport=adapter.AsyncTransport(authenticator(token, own.origin), pool))
            for token in two
        ]
        for client in (clients[0], clients[1], clients[0]):
            await client.get(own.origin + "/")
        for client in clients:
            await client.aclose()

    asyncio.run(run())
    check_each_call_has_its_own(own, *two)


def test_E11_two_records_on_one_adapter_of_requests_never_mix(own: Server, two: tuple[str, str]) -> None:
    pool = HTTPAdapter()
    sessions = []
    for token in two:
        session = requests.Session()
        session.mount("http://", for_requests.Adapter(authenticator(token, own.origin), pool))
        sessions.append(session)
    for session in (sessions[0], sessions[1], sessions[0]):
        session.get(own.origin + "/")
    for session in sessions:
        session.close()
    check_each_call_has_its_own(own, *two)


def test_E11_two_records_on_one_connector_of_aiohttp_never_mix(own: Server, two: tuple[str, str]) -> None:
    async def run() -> None:
        async with aiohttp.TCPConnector() as pool:
            sessions = [
                aiohttp.ClientSession(
                    connector=pool,
                    connector_owner=False,
                    middlewares=[for_aiohttp.middleware(authenticator(token, own.origin))],
                )
                for token in two
            ]
            for session in (sessions[0], sessions[1], sessions[0]):
                await (await session.get(own.origin + "/")).read()
            for session in sessions:
                await session.close()

    asyncio.run(run())
    check_each_call_has_its_own(own, *two)


def test_E11_two_records_on_one_client_reach_each_its_own_origin(
    own: Server, foreign: Server, two: tuple[str, str]
) -> None:
    with requests.Session() as session:
        for token, server in zip(two, (own, foreign), strict=True):
            for_requests.attach(session, authenticator(token, server.origin))
        for server in (own, foreign, own):
            session.get(server.origin + "/")
    assert [each.values("authorization") for each in own.arrived] == [[f"Bearer {two[0]}"]] * 2
    assert [each.values("authorization") for each in foreign.arrived] == [[f"Bearer {two[1]}"]]


def test_a_request_of_aiohttp_carries_the_token_that_was_renewed_while_it_waited_for_a_connection(
    own: Server, two: tuple[str, str]
) -> None:
    """With more tasks than connections a request may wait longer than its token lives."""
    tokens = Tokens(list(two), PLACEMENTS["Authorization"])
    may_end, held = threading.Event(), threading.Event()

    def hold(arrived: Arrived) -> Reply:
        held.set()
        assert may_end.wait(20)
        return Reply(200)

    own.routes["/held"] = hold

    async def run() -> None:
        connector = aiohttp.TCPConnector(limit=1)
        waits = for_aiohttp.middleware(authenticator([], own.origin, source=tokens))

        async def get(path: str) -> None:
            async with session.get(own.origin + path) as response:
                assert response.status == 200
                await response.read()

        async with (
            aiohttp.ClientSession(connector=connector, middlewares=[waits]) as session,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(get("/held"))
            assert await asyncio.to_thread(held.wait, 20)
            group.create_task(get("/next"))
            while not any(connector._waiters.values()):  # noqa: ASYNC110 - a connector has no event for this
                await asyncio.sleep(0.001)
            tokens.obtain(rejected=tokens.live)
            may_end.set()

    asyncio.run(run())
    assert [each.values("authorization") for each in own.arrived] == [
        [f"Bearer {two[0]}"],
        [f"Bearer {two[1]}"],
    ]
