"""django-oauth-toolkit with tokens of two seconds, and many tasks of one event loop: nobody renews twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp
import httpx
import httpx2
import pytest

from authrecord.wiring import Records
from tests.canary_watch import Canary
from tests.real import raw
from tests.real.checks import watched
from tests.real.conftest import Open
from tests.real.django_site import BRIEF_SECONDS, DjangoProvider

TASKS = 48
RENEWALS = 2
"""How many expiries the tasks live through, however long that takes on a busy machine."""
LONGEST_SECONDS = 60.0
NAME = "trusted-brief"

Send = Callable[[], Awaitable[int]]


@pytest.mark.slow
def test_S22_48_tasks_of_three_libraries_live_through_expiries_without_a_failure(
    django_provider: DjangoProvider, open_records: Open, canary: Canary
) -> None:
    """Refresh tokens rotate, and one that came twice would revoke the login and show as a failure."""
    records = open_records([django_provider.password(NAME)], django_provider.secrets)
    first = watched(canary, records.token(NAME))
    assert first.life == BRIEF_SECONDS
    issued_before = raw.refresh_tokens_issued(django_provider, NAME)

    def renewals() -> int:
        return raw.refresh_tokens_issued(django_provider, NAME) - issued_before

    started = time.monotonic()
    statuses = asyncio.run(requests_of_many_tasks(records, django_provider.api, renewals))
    ran = time.monotonic() - started
    assert set(statuses) == {200}
    assert len(statuses) >= TASKS
    assert RENEWALS <= renewals() <= 2 + 1.2 * ran
    last = watched(canary, records.token(NAME))
    assert last.refresh_token is not None
    # A token of two seconds may run out on its way to a busy server, so the library takes it there.
    with records.attach(httpx2.Client(trust_env=False, timeout=60), NAME) as client:
        assert client.get(django_provider.api).status_code == 200
    raw.check_alive(django_provider.server)


async def requests_of_many_tasks(records: Records, address: str, renewals: Callable[[], int]) -> list[int]:
    """The status of every answer that a caller got, of `TASKS` tasks: a third of them with each library."""
    stop = asyncio.Event()
    async with (
        records.attach(httpx2.AsyncClient(trust_env=False, timeout=60), NAME) as newer,
        records.attach(httpx.AsyncClient(trust_env=False, timeout=60), NAME) as older,
        records.attach(aiohttp.ClientSession(), NAME) as session,
    ):

        async def by_aiohttp() -> int:
            async with session.get(address) as response:
                await response.read()
                return response.status

        async def by_httpx2() -> int:
            return (await newer.get(address)).status_code

        async def by_httpx() -> int:
            return (await older.get(address)).status_code

        sends: list[Send] = [by_aiohttp, by_httpx2, by_httpx]
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(until(stop, sends[number % 3])) for number in range(TASKS)]
            try:
                await wait_for(lambda: renewals() >= RENEWALS)
            finally:
                stop.set()
    return [status for one in running for status in one.result()]


async def wait_for(enough: Callable[[], bool]) -> None:
    """Look twice a second whether it is enough. Fails after `LONGEST_SECONDS`."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not await asyncio.to_thread(enough):
        assert time.monotonic() < deadline, "the tokens were not renewed"
        await asyncio.sleep(0.5)


async def until(stop: asyncio.Event, send: Send) -> list[int]:
    """What `send` gives, again and again until `stop` is set."""
    statuses = []
    while not stop.is_set():
        statuses.append(await send())
    return statuses
