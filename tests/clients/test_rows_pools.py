"""E11 and H6: connections that two records share, and requests that are made anew for each sending."""

from __future__ import annotations

import asyncio
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

from .records import authenticator
from .server import Server

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
