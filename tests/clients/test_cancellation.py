"""H10 and concurrency: cancelled callers, and many at once, on the real gate."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from authrecord.clients.attach import attach
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.authenticator import Authenticator
from authrecord.keeper.backoff import Backoff
from authrecord.keeper.gate import Gate
from authrecord.keeper.live import Live
from tests.canary_watch import Canary

from .records import PLACEMENTS, authenticator
from .server import Arrived, Reply, Server


class Renewals:
    """A real gate whose renewal takes as long as the test wants."""

    def __init__(self, old: str, new: str) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.count = 0
        self._old, self._new = self._live(old), self._live(new)
        self.gate = Gate(self._obtain, clock=time, backoff=Backoff(lambda: 0.0), name="orders")
        self.gate.adopt(self._old)

    def _obtain(self, held: Live | None, rejected: Live | None) -> Live:
        self.count += 1
        self.begun.set()
        assert self.may_end.wait(20)
        return self._new

    @staticmethod
    def _live(value: str) -> Live:
        secret = Secret(value)
        return Live(PLACEMENTS["Authorization"](secret), Token(access_token=secret, obtained_at=0.0))


@pytest.fixture
def renewals(canary: Canary, own: Server) -> Renewals:
    old, new = canary("old token"), canary("new token")

    def answer(arrived: Arrived) -> Reply:
        return Reply(200, b"welcome") if new in arrived.everything() else Reply(401)

    own.routes["/"] = answer
    return Renewals(old, new)


def on_gate(renewals: Renewals, own: Server) -> Authenticator:
    return authenticator([], own.origin, source=renewals.gate)  # type: ignore[arg-type]  # a Source, as Tokens is


@asynccontextmanager
async def _httpx(name: str, authenticator: Authenticator) -> AsyncIterator[Callable[[str], Any]]:
    import importlib

    module = importlib.import_module(name)
    async with attach(module.AsyncClient(trust_env=False), authenticator) as client:

        async def get(url: str) -> bytes:
            response = await client.get(url)
            body: bytes = response.content
            return body

        yield get


@asynccontextmanager
async def _aiohttp(authenticator: Authenticator) -> AsyncIterator[Callable[[str], Any]]:
    import aiohttp

    async with attach(aiohttp.ClientSession(), authenticator) as session:

        async def get(url: str) -> bytes:
            async with session.get(url) as response:
                return await response.read()

        yield get


ASYNC: dict[str, Callable[[Authenticator], Any]] = {
    "httpx2": lambda authenticator: _httpx("httpx2", authenticator),
    "httpx": lambda authenticator: _httpx("httpx", authenticator),
    "aiohttp": _aiohttp,
}


@pytest.mark.parametrize("library", list(ASYNC))
def test_H10_a_cancelled_caller_stops_neither_the_renewal_nor_the_others(
    renewals: Renewals, own: Server, library: str
) -> None:
    async def run() -> list[bytes]:
        async with ASYNC[library](on_gate(renewals, own)) as get:
            first = asyncio.create_task(get(own.origin + "/"))
            others = [asyncio.create_task(get(own.origin + "/")) for _ in range(4)]
            await asyncio.to_thread(renewals.begun.wait, 10)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            renewals.may_end.set()
            return [await other for other in others] + [await get(own.origin + "/")]

    assert asyncio.run(run()) == [b"welcome"] * 5
    assert renewals.count == 1


@pytest.mark.parametrize("library", list(ASYNC))
def test_H7_many_tasks_that_are_refused_at_once_renew_once(
    renewals: Renewals, own: Server, library: str
) -> None:
    renewals.may_end.set()

    async def run() -> list[bytes]:
        async with ASYNC[library](on_gate(renewals, own)) as get:
            return list(await asyncio.gather(*(get(own.origin + "/") for _ in range(40))))

    assert asyncio.run(run()) == [b"welcome"] * 40
    assert renewals.count == 1


@pytest.mark.parametrize("library", ["httpx2", "httpx", "requests"])
def test_H7_many_threads_that_are_refused_at_once_renew_once(
    renewals: Renewals, own: Server, library: str
) -> None:
    import importlib

    renewals.may_end.set()
    module = importlib.import_module(library)
    client: Any = attach(
        module.Session() if library == "requests" else module.Client(), on_gate(renewals, own)
    )
    bodies: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: bodies.append(client.get(own.origin + "/").content))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    client.close()
    assert bodies == [b"welcome"] * 16
    assert renewals.count == 1


@pytest.mark.parametrize("library", ["httpx2", "httpx", "requests"])
def test_H10_an_interrupted_thread_gives_its_connection_back(
    renewals: Renewals, own: Server, library: str
) -> None:
    """A caller whose renewal raises something of its own (here: an interrupt) leaks no connection."""
    import importlib

    class Interrupt(BaseException):
        pass

    def interrupted(held: Live | None, rejected: Live | None) -> Live:
        raise Interrupt

    renewals.gate._obtain = interrupted
    module = importlib.import_module(library)
    client: Any = attach(
        module.Session() if library == "requests" else module.Client(), on_gate(renewals, own)
    )
    with pytest.raises(Interrupt):
        client.get(own.origin + "/")
    client.close()
