"""A program of its own: threads and tasks that use a record over a URL for some seconds, and say what they saw.

Its settings are one line of JSON on standard input, the API token with them, which no other process can read there.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import threading
import time
from collections import Counter
from typing import Any, Final

import httpx2

from authrecord.wiring import Records, Settings, open_records

THREADS: Final = 5
TASKS: Final = 5
PAUSE: Final = 0.02


class Seen:
    """Statuses of answers, and tokens by a digest that is not kept."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.lock = threading.Lock()

    def note(self, status: int) -> None:
        with self.lock:
            self.statuses[status] += 1


def in_a_thread(client: httpx2.Client, url: str, until: float, seen: Seen) -> None:
    while time.monotonic() < until:
        seen.note(client.get(url).status_code)
        time.sleep(PAUSE)


async def in_tasks(client: httpx2.AsyncClient, url: str, until: float, seen: Seen) -> None:
    async def one() -> None:
        while time.monotonic() < until:
            seen.note((await client.get(url)).status_code)
            await asyncio.sleep(PAUSE)

    async with client:
        await asyncio.gather(*(one() for _ in range(TASKS)))


def use(records: Records, url: str, seconds: float) -> Seen:
    """Use the record from threads and tasks for so long."""
    seen = Seen()
    nobody = ssl.SSLContext(
        ssl.PROTOCOL_TLS_CLIENT
    )  # everything here is plain http, and authorities take long to load
    with records.attach(httpx2.Client(verify=nobody, trust_env=False, timeout=30), "orders") as client:
        another = records.attach(httpx2.AsyncClient(verify=nobody, trust_env=False, timeout=30), "orders")
        until = time.monotonic() + seconds  # from here on: to make clients takes long on a busy machine
        given = (client, url, until, seen)
        threads = [threading.Thread(target=in_a_thread, args=given) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        asyncio.run(in_tasks(another, url, until, seen))
        for thread in threads:
            thread.join()
    return seen


def main() -> None:
    """Run, and print the figures."""
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    asked: list[str] = []

    class Counting:
        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.close = inner.close

        def __call__(self, request: Any) -> Any:
            asked.append(request.url)
            return self.inner(request)

    settings = Settings(environment=given["environment"])
    with open_records(settings=settings, through=Counting) as records:
        seen = use(records, given["url"], given["seconds"])
    calls = sum(url.endswith("/token") for url in asked)
    print(json.dumps({"statuses": dict(seen.statuses), "calls": calls}))


if __name__ == "__main__":
    main()
