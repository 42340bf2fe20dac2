"""One process of callers: threads, tasks, and HTTP clients that share a keeper. `python -m tests.race.worker ORDERS`.

It calls until its standard input ends, which it does when the conductor says so or dies.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx2

from authrecord import attach
from authrecord.clients.sender import TokenSender
from authrecord.core.errors import AuthrecordError
from authrecord.core.token import Token
from authrecord.documents import read_file
from authrecord.keeper.keeper import Keeper
from authrecord.record import Record
from authrecord.signing import sign
from authrecord.stores.references import resolver

from .history import Journal
from .opening import open_tokens
from .shortening import deadline, shorten
from .witness import WitnessSender, token_marks, witnessed

COUNT_SECONDS = 1.0
"""How often a caller writes down how much it did: a killed process takes less than that with it."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker does. `group`: the beginning of the names of its records. Times in seconds."""

    who: str
    group: str
    history: str
    document: str
    store: str
    key: str
    threads: int
    tasks: int
    pace: float
    clock_offset: float
    claim_seconds: float
    seed: int

    def write(self, path: Path) -> None:
        """Save them for the process."""
        path.write_text(json.dumps(asdict(self)))


@dataclass(frozen=True, slots=True)
class OffsetClock:
    """A wall clock that is wrong by `offset` seconds. Monotonic time has no offset: it is the machine's."""

    offset: float

    def time(self) -> float:
        """UTC seconds, wrong."""
        return time.time() + self.offset

    def monotonic(self) -> float:
        """Seconds."""
        return time.monotonic()


class Caller:
    """What one thread or task knows and notes."""

    def __init__(self, name: str, journal: Journal, seed: int) -> None:
        self.name = name
        self.random = random.Random(f"{seed} {name}")
        self.newest: dict[str, Token] = {}
        self._journal = journal
        self._counts: Counter[str] = Counter()
        self._counted_at = time.monotonic()

    def got(self, record: str, began: float, token: Token) -> None:
        """A token was received. The same as the last one is not worth a line."""
        self.count("token")
        last = self.newest.get(record)
        if last is None or not last.is_same(token):
            marks = token_marks(token) | {"refresh": ""}
            self._journal.note("got", record=record, began=began, detail=self.name, **marks)
        self.newest[record] = token

    def failed(self, record: str, began: float, error: AuthrecordError) -> None:
        """None was received."""
        self.count("failed")
        self._journal.note("failed", record=record, began=began, detail=f"{self.name} {error.code}")

    def count(self, what: str) -> None:
        """One more."""
        self._counts[what] += 1
        if time.monotonic() - self._counted_at > COUNT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write the counts down."""
        for what, number in self._counts.items():
            self._journal.note("counted", number=number, detail=what)
        self._counts.clear()
        self._counted_at = time.monotonic()


class Worker:
    """The callers of one process."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._journal = Journal(Path(orders.history), orders.who)
        self._end = threading.Event()
        clock = OffsetClock(orders.clock_offset)
        shorten(orders.claim_seconds)
        self.keeper = Keeper(
            witnessed(open_tokens(orders.store, orders.key, clock), self._journal),
            send=WitnessSender(
                TokenSender(clock=clock, deadline=deadline(orders.claim_seconds)), self._journal
            ),
            resolve=resolver(os.environ, base=Path(orders.document).parent, allow_commands=False),
            sign=sign,
            clock=clock,
        )
        self._records = [one for one in read_file(orders.document) if one.name.startswith(orders.group)]

    def run(self) -> None:
        """Call until standard input ends. Raises `SystemExit` when a caller met an error that is not ours."""
        broken: list[threading.ExceptHookArgs] = []

        def note(error: threading.ExceptHookArgs) -> None:
            broken.append(error)
            threading.__excepthook__(error)

        threading.excepthook = note
        self._journal.note("up", detail=f"{self._orders.clock_offset:+g}")
        threads = [
            threading.Thread(target=self._thread, args=(f"t{n}",)) for n in range(self._orders.threads)
        ]
        threads.append(threading.Thread(target=lambda: asyncio.run(self._tasks())))
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self._end.set()
        for thread in threads:
            thread.join()
        self.keeper.close()
        if broken:
            raise SystemExit(1)

    def _thread(self, name: str) -> None:
        caller = Caller(name, self._journal, self._orders.seed)
        clients = {one.name: attach(httpx2.Client(), self.keeper.authenticator(one)) for one in self._records}
        while not self._end.wait(caller.random.expovariate(1 / self._orders.pace)):
            record = caller.random.choice(self._records)
            if caller.random.random() < 0.2:
                self._call_api(caller, record, clients[record.name])
            else:
                self._ask(caller, record)
        for client in clients.values():
            client.close()
        caller.flush()

    def _ask(self, caller: Caller, record: Record) -> None:
        began = time.monotonic()
        rejected = caller.newest.get(record.name) if caller.random.random() < 0.03 else None
        try:
            token = self.keeper.token(record, rejected)
        except AuthrecordError as error:
            caller.failed(record.name, began, error)
        else:
            caller.got(record.name, began, token)

    def _call_api(self, caller: Caller, record: Record, client: httpx2.Client) -> None:
        began = time.monotonic()
        try:
            answer = client.get(record.allowed_origins[0] + "/api/orders")
        except AuthrecordError as error:
            caller.failed(record.name, began, error)
        else:
            caller.count(f"api {answer.status_code}")

    async def _tasks(self) -> None:
        await asyncio.gather(*(self._task(f"a{number}") for number in range(self._orders.tasks)))

    async def _task(self, name: str) -> None:
        caller = Caller(name, self._journal, self._orders.seed)
        sources = {one.name: self.keeper.authenticator(one) for one in self._records}
        while not self._end.is_set():
            await asyncio.sleep(caller.random.expovariate(1 / self._orders.pace))
            record = caller.random.choice(self._records)
            began = time.monotonic()
            try:
                live = await sources[record.name].credential_async()
            except AuthrecordError as error:
                caller.failed(record.name, began, error)
            else:
                assert live.token is not None
                caller.got(record.name, began, live.token)
        caller.flush()


if __name__ == "__main__":
    Worker(Orders(**json.loads(Path(sys.argv[1]).read_text()))).run()
