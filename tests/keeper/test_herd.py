"""Threads and tasks at expiry, against a real server with rotation and reuse detection: one request, no loss."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from authrecord.clients.sender import TokenSender
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants.settings import Authorization, Credentials, TokenExchange
from authrecord.keeper.keeper import Keeper
from authrecord.keeper.naming import token_key
from authrecord.record import OAuth2, Record
from authrecord.signing import sign
from authrecord.stores.memory import MemoryStore
from authrecord.testing import HonestServer
from tests.canary_watch import Canary


@dataclass
class Herd:
    """A server that rotates, and a keeper that holds an expired token with a good refresh token."""

    server: HonestServer
    keeper: Keeper
    record: Record


@pytest.fixture
def herd(canary: Canary) -> Iterator[Herd]:
    with HonestServer(make_secret=canary.make, token_delay=0.05) as server:
        client = server.register_client("authorization_code", "password")
        auth = OAuth2(
            grant="authorization_code",
            authorization=Authorization(url=server.authorization_url),
            credentials=Credentials(client_id=client.client_id, client_secret=Secret(client.secret)),
            token_exchange=TokenExchange(url=server.token_url),
        )
        record = Record(name="orders", auth=auth, allowed_origins=(server.url,))
        store = MemoryStore(time)
        keeper = Keeper(store, send=TokenSender(clock=time), resolve=_never, sign=sign)
        access, refresh = server._state.issue(client.client_id, "", 0.0, renewable=True)
        old = Token(
            access_token=Secret(access), refresh_token=Secret(refresh), obtained_at=time.time() - 60, life=1.0
        )
        store.settle(store.claim(token_key(record), seconds=9, patience=0), old)
        yield Herd(server, keeper, record)
        keeper.close()


def _never(reference: object) -> Secret:
    raise AssertionError("there are no references here")


def test_I1_64_threads_at_expiry_make_one_token_request_and_the_login_lives(herd: Herd) -> None:
    authenticator = herd.keeper.authenticator(herd.record)
    with ThreadPoolExecutor(64) as pool:
        lives = list(pool.map(lambda _: authenticator.credential(), range(1000)))
    assert len({id(live) for live in lives}) == 1
    assert herd.server.counters.token_requests == 1
    assert herd.server.counters.reuse_detected == 0
    assert herd.keeper.token(herd.record, rejected=lives[0].token).generation == 3


def test_I2_a_thousand_tasks_at_expiry_make_one_token_request(herd: Herd) -> None:
    authenticator = herd.keeper.authenticator(herd.record)

    async def burst() -> int:
        lives = await asyncio.gather(*(authenticator.credential_async() for _ in range(1000)))
        return len({id(live) for live in lives})

    assert asyncio.run(burst()) == 1
    assert herd.server.counters.token_requests == 1


def test_H10_cancelled_tasks_lose_no_rotated_refresh_token(herd: Herd) -> None:
    authenticator = herd.keeper.authenticator(herd.record)

    async def gives_up() -> None:
        tasks = [asyncio.create_task(authenticator.credential_async()) for _ in range(20)]
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)

    asyncio.run(gives_up())
    live = authenticator.credential()
    assert live.token is not None
    assert herd.server.counters.token_requests == 1
    assert herd.keeper.token(herd.record, rejected=live.token).generation == 3
    assert herd.server.counters.reuse_detected == 0
