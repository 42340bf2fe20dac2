"""What authentication costs per request: whole requests without a network, authrecord beside a bare client.

    python benchmarks/authentication_cost.py [--rounds 60] [--json]

Each client sends to a stub (a mock transport, a stub adapter, a stub connection), so that only the client's own
work is measured. Rounds of all rows are interleaved, since the machine is not quiet; the median of each row's
rounds and its best round are shown, in microseconds per request, with what they add to the bare client's.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from authrecord.core.messages import Stamp
from authrecord.core.origin import allowed_origins
from authrecord.core.replay import ReplayPolicy
from authrecord.core.secret import Secret
from authrecord.keeper.authenticator import Authenticator
from authrecord.keeper.live import Live
from authrecord.keeper.trust import Trust
from authrecord.record import Record
from authrecord.schemes.bearer import Bearer

ORIGIN = "https://api.example.com"
URL = ORIGIN + "/v1/items?limit=10"
SYNTHETIC = "x" * 40
HEADER = Stamp(headers=(("Authorization", Secret("Bearer " + SYNTHETIC)),))
QUERY = Stamp(query=(("api_key", Secret(SYNTHETIC)),), headers=(("Cache-Control", "no-store"),))
CALLS = 50

Round = Callable[[], float]
"""Sends `CALLS` requests and gives the seconds that they took."""


class Fixed:
    """A source whose credential never changes."""

    renewable = False

    def __init__(self, stamp: Stamp) -> None:
        self.live: Live | None = Live(stamp)

    def obtain(self, rejected: Live | None = None) -> Live:
        assert self.live is not None
        return self.live

    async def obtain_async(self, rejected: Live | None = None) -> Live:
        return self.obtain(rejected)


def authenticator(stamp: Stamp) -> Authenticator:
    return Authenticator(
        Record(name="bench", auth=Bearer(token=Secret(SYNTHETIC))),
        Fixed(stamp),
        allowed=allowed_origins([ORIGIN]),
        clock=time,
        trust=Trust(time.monotonic, lambda: 0.0),
        matcher=None,
        judges_streams=False,
        replay_policy=ReplayPolicy.ON_REFUSAL,
    )


def timed(call: Callable[[], Any]) -> Round:
    def run() -> float:
        begun = time.perf_counter()
        for _ in range(CALLS):
            call()
        return time.perf_counter() - begun

    return run


def timed_async(loop: asyncio.AbstractEventLoop, call: Callable[[], Any]) -> Round:
    async def several() -> float:
        begun = time.perf_counter()
        for _ in range(CALLS):
            await call()
        return time.perf_counter() - begun

    return lambda: loop.run_until_complete(several())


def httpx_rows(name: str, loop: asyncio.AbstractEventLoop) -> dict[str, dict[str, Round]]:
    import importlib

    library = importlib.import_module(name)
    ours = importlib.import_module(f"authrecord.clients.{name}")

    def handler(request: Any) -> Any:
        return library.Response(200, content=b"{}")

    mock = library.MockTransport(handler)
    static = {"Authorization": "Bearer " + SYNTHETIC}
    clients = {
        "bare": library.Client(transport=mock),
        "static header": library.Client(transport=mock, headers=static),
        "authrecord header": library.Client(transport=ours.Transport(authenticator(HEADER), mock)),
        "authrecord header, attached": ours.attach(library.Client(transport=mock), authenticator(HEADER)),
        "authrecord query": library.Client(transport=ours.Transport(authenticator(QUERY), mock)),
    }
    async_clients = {
        "bare": library.AsyncClient(transport=mock),
        "static header": library.AsyncClient(transport=mock, headers=static),
        "authrecord header": library.AsyncClient(transport=ours.AsyncTransport(authenticator(HEADER), mock)),
        "authrecord header, attached": ours.attach(
            library.AsyncClient(transport=mock), authenticator(HEADER)
        ),
        "authrecord query": library.AsyncClient(transport=ours.AsyncTransport(authenticator(QUERY), mock)),
    }
    return {
        f"{name} sync": {row: timed(lambda c=c: c.get(URL)) for row, c in clients.items()},
        f"{name} async": {row: timed_async(loop, lambda c=c: c.get(URL)) for row, c in async_clients.items()},
    }


def requests_rows() -> dict[str, dict[str, Round]]:
    import requests

    from authrecord.clients.requests import Adapter

    class Stub(requests.adapters.BaseAdapter):
        def send(self, request: Any, **options: Any) -> Any:
            response = requests.Response()
            response.status_code = 200
            response.request = request
            response.url = request.url
            response._content = b"{}"
            response.raw = None
            return response

        def close(self) -> None:
            return

    def session(adapter: Any, **headers: str) -> Any:
        made = requests.Session()
        made.trust_env = False
        made.headers.update(headers)
        made.mount("https://", adapter)
        return made

    sessions = {
        "bare": session(Stub()),
        "static header": session(Stub(), Authorization="Bearer " + SYNTHETIC),
        "authrecord header": session(Adapter(authenticator(HEADER), Stub())),
        "authrecord query": session(Adapter(authenticator(QUERY), Stub())),
    }
    return {"requests": {row: timed(lambda s=s: s.get(URL)) for row, s in sessions.items()}}


async def aiohttp_rows(loop: asyncio.AbstractEventLoop) -> tuple[dict[str, dict[str, Round]], list[Any]]:
    import aiohttp
    from multidict import CIMultiDict, CIMultiDictProxy

    from authrecord.clients.aiohttp import middleware

    headers = CIMultiDictProxy(CIMultiDict({"Content-Length": "0"}))

    class Transport:
        def write(self, data: bytes) -> None:
            return

        def writelines(self, data: Any) -> None:
            return

        def is_closing(self) -> bool:
            return False

    class Protocol:
        writing_paused = False
        transport = Transport()
        connected = True

        def start_timeout(self) -> None:
            return

        def set_response_params(self, **options: Any) -> None:
            return

    class Connection:
        protocol = Protocol()
        transport = protocol.transport

        def close(self) -> None:
            return

    class Connector(aiohttp.BaseConnector):
        """Hands out a connection that drops what is written."""

        async def connect(self, req: Any, **_: Any) -> Any:
            connection = Connection()
            connection._connector = self
            return connection

    class Response(aiohttp.ClientResponse):
        async def start(self, connection: Any) -> Any:
            self.status, self.reason = 200, "OK"
            self._headers, self._raw_headers = headers, ()
            self._body = b"{}"
            return self

    def session(**options: Any) -> Any:
        return aiohttp.ClientSession(connector=Connector(), response_class=Response, **options)

    async def passing(request: Any, handler: Any) -> Any:
        return await handler(request)

    static = {"Authorization": "Bearer " + SYNTHETIC}
    sessions = {
        "bare": session(),
        "static header": session(headers=static),
        "empty middleware": session(middlewares=[passing]),
        "authrecord header": session(middlewares=[middleware(authenticator(HEADER))]),
        "authrecord query": session(middlewares=[middleware(authenticator(QUERY))]),
    }
    rows = {row: timed_async(loop, lambda s=s: s.get(URL)) for row, s in sessions.items()}
    return {"aiohttp": rows}, list(sessions.values())


def measure(families: dict[str, dict[str, Round]], rounds: int) -> dict[str, dict[str, tuple[float, float]]]:
    generator = random.Random(1)
    taken: dict[str, dict[str, list[float]]] = {f: {row: [] for row in rows} for f, rows in families.items()}
    gc.disable()
    for number in range(rounds + 2):
        for family, rows in families.items():
            shuffled = list(rows.items())
            generator.shuffle(shuffled)  # no row profits from standing behind another one
            for row, run in shuffled:
                seconds = run()
                if number >= 2:  # the first two warm up
                    taken[family][row].append(seconds / CALLS * 1e6)
            gc.collect()
    gc.enable()
    return {
        f: {row: (statistics.median(times), min(times)) for row, times in rows.items()}
        for f, rows in taken.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    loop = asyncio.new_event_loop()
    families = {**httpx_rows("httpx2", loop), **httpx_rows("httpx", loop), **requests_rows()}
    more, sessions = loop.run_until_complete(aiohttp_rows(loop))
    medians = measure({**families, **more}, options.rounds)
    for session in sessions:
        loop.run_until_complete(session.close())
    loop.close()
    if options.json:
        json.dump(medians, sys.stdout, indent=2)
        return
    print(f"{'client':14} {'row':28} {'median µs':>10} {'extra':>7} {'best µs':>10} {'extra':>7}")
    for family, rows in medians.items():
        bare = rows["bare"]
        for row, (median, best) in rows.items():
            print(
                f"{family:14} {row:28} {median:10.1f} {median - bare[0]:+7.1f} {best:10.1f} {best - bare[1]:+7.1f}"
            )


if __name__ == "__main__":
    main()
