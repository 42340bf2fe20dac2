"""What authentication costs per request: whole requests without a network, authrecord beside its peers.

    python benchmarks/authentication_cost.py [--quick] [--json FILE] [--rounds 90] [--family httpx2-sync]

Each client sends to a stub (a mock transport, a stub adapter, a stub connection), so that only the client's own
work is measured. In each round all rows of a family take turns in a shuffled order, since the machine is not
quiet. `extra` is the median, over the rounds, of what a row took more than the bare client (`none`) in the same
round; `best` compares the quietest rounds.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from common import arguments, finish, say, table, use_harness

CALLS = 150
WARM_UP = 3
BARE = "none"
FAMILIES = {
    "httpx2-sync": "httpx2",
    "httpx2-async": "httpx2, async",
    "httpx-sync": "httpx",
    "httpx-async": "httpx, async",
    "requests-sync": "requests",
    "aiohttp-connection-async": "aiohttp",
    "aiohttp-async": "aiohttp, the harness's own stub (peers only)",
}

Round = Callable[[], float]
"""Sends `CALLS` requests and gives the seconds that they took."""


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


def prepared(factories: dict[str, Callable[[], Any]], loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
    """The calls of a family's rows, each tried once. What cannot run is said and left out."""
    calls = {}
    for row, factory in factories.items():
        try:
            calls[row] = factory()
            tried = calls[row]()
            if inspect.iscoroutine(tried):
                loop.run_until_complete(tried)
        except Exception as error:
            say(f"left out: {row}: {type(error).__name__}: {error}")
            calls.pop(row, None)
    return calls


def measure(calls: dict[str, Any], loop: asyncio.AbstractEventLoop, rounds: int) -> dict[str, list[float]]:
    """Microseconds per request, one number a round."""
    generator = random.Random(1)
    runs = {
        row: timed_async(loop, call) if inspect.iscoroutinefunction(call) else timed(call)
        for row, call in calls.items()
    }
    taken: dict[str, list[float]] = {row: [] for row in runs}
    gc.collect()
    gc.disable()
    for number in range(rounds + WARM_UP):
        shuffled = list(runs.items())
        generator.shuffle(shuffled)  # no row profits from standing behind another one
        for row, run in shuffled:
            seconds = run()
            if number >= WARM_UP:
                taken[row].append(seconds / CALLS * 1e6)
        if number % 10 == 0:
            gc.collect()
    gc.enable()
    return taken


def summed(taken: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    bare = taken[BARE]
    return {
        row: {
            "us": round(statistics.median(times), 1),
            "extra": round(
                statistics.median(mine - other for mine, other in zip(times, bare, strict=True)), 2
            ),
            "best_extra": round(min(times) - min(bare), 2),
            "ratio": round(statistics.median(times) / statistics.median(bare), 3),
        }
        for row, times in taken.items()
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=90)
    parser.add_argument("--family", choices=FAMILIES, help="only this family")
    options = parser.parse_args()
    use_harness()
    import micro
    import ours_micro

    micro.build()
    ours_micro.register()
    loop = asyncio.new_event_loop()
    results = {}
    for family, title in FAMILIES.items():
        if options.family and options.family != family:
            continue
        calls = prepared(micro.PEERS[family], loop)
        results[family] = summed(measure(calls, loop, 8 if options.quick else options.rounds))
        for call in calls.values():
            if hasattr(call, "close"):
                loop.run_until_complete(call.close())
        rows = [
            (row, one["us"], f"{one['extra']:+.1f}", f"{one['best_extra']:+.1f}", one["ratio"])
            for row, one in results[family].items()
        ]
        print(f"\n{title}\n")
        print(table(("row", "µs/request", "extra µs", "extra µs, best", "ratio"), rows), flush=True)
    loop.close()
    finish(results, options.json)


if __name__ == "__main__":
    main()
