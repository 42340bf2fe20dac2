"""With more tasks than connections a request waits for its connection, here longer than its token lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest

from authrecord.core.secret import Secret
from authrecord.grants.settings import Credentials, TokenExchange
from authrecord.record import OAuth2, Record
from authrecord.testing import HonestServer
from authrecord.wiring import Records, Settings, make_keeper, memory_store
from tests.canary_watch import Canary

TASKS, CONNECTIONS = 160, 4
LIFE, DELAY = 1.0, 0.05
"""Seconds that a token lives, and that the API takes: the last task waits for two lives and more."""

Get = Callable[[], Awaitable[int]]


@asynccontextmanager
async def of_httpx(records: Records, address: str, library: Any) -> Any:
    limits = library.Limits(max_connections=CONNECTIONS)
    async with records.attach(
        library.AsyncClient(limits=limits, timeout=60, trust_env=False), "orders"
    ) as client:

        async def get() -> int:
            return int((await client.get(address)).status_code)

        yield get


@asynccontextmanager
async def of_aiohttp(records: Records, address: str, library: Any) -> Any:
    connector = library.TCPConnector(limit=CONNECTIONS)
    async with records.attach(library.ClientSession(connector=connector), "orders") as session:

        async def get() -> int:
            async with session.get(address) as response:
                await response.read()
                return int(response.status)

        yield get


@pytest.mark.parametrize(
    ("client", "library"),
    [(of_httpx, httpx2), (of_httpx, httpx), (of_aiohttp, aiohttp)],
    ids=["httpx2", "httpx", "aiohttp"],
)
def test_H7_no_expired_answer_reaches_a_task_that_waited_longer_for_a_connection_than_its_token_lived(
    canary: Canary, client: Callable[..., AbstractAsyncContextManager[Get]], library: Any
) -> None:
    with HonestServer(token_life=LIFE, api_delay=DELAY, make_secret=canary.make) as server:
        registered = server.register_client("client_credentials")
        auth = OAuth2(
            grant="client_credentials",
            credentials=Credentials(client_id=registered.client_id, client_secret=Secret(registered.secret)),
            token_exchange=TokenExchange(url=server.token_url),
        )
        record = Record(name="orders", allowed_origins=(server.url,), auth=auth)
        keeper = make_keeper(Settings.read({}), base=Path(), store=memory_store())

        async def run() -> list[int]:
            with Records({"orders": record}, keeper) as records:
                async with client(records, server.api_url, library) as get:
                    return await asyncio.gather(*[get() for _ in range(TASKS)])

        assert asyncio.run(run()) == [200] * TASKS
        assert server.counters.token_requests > 2
        assert server.counters.most_token_requests_at_once == 1
