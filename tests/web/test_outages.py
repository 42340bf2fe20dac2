"""What fails beside the server: a provider that hangs, a disk that is full. Of a database that is away: `test_away`.

Other records keep working, the answer says what is wrong and what to do, and it goes on by itself.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from authrecord.stores.sql.sqlite import SqliteBackend
from authrecord.testing.devserver import DevServer, start
from authrecord.web.threads import AT_ONCE
from tests.canary_watch import Canary
from tests.crash.small_disk import small_disk
from tests.web.stage import Stage, Visitor, bearer, form_of_record, stage, text_of
from tests.web.test_api import machine

ENOUGH = 30.0
"""Seconds after which a test gives up; what it waits for is due in a few."""

CALLERS = AT_ONCE + 20


@pytest.fixture
def devserver(canary: Canary) -> Iterator[DevServer]:
    server = start(make_secret=canary.make)
    yield server
    server.server.stop()


@pytest.fixture
def deaf() -> Iterator[socket.socket]:
    """A provider that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        yield listening


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CALLERS) as made:
        yield made


def until(ready: Callable[[], bool]) -> None:
    """Wait for what is due soon."""
    end = time.monotonic() + ENOUGH
    while not ready():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def hanging(server: DevServer, deaf: socket.socket, name: str = "hanging") -> dict[str, Any]:
    """A record whose provider hangs."""
    record = machine(server, name)
    record["auth"]["token_exchange"]["url"] = f"http://127.0.0.1:{deaf.getsockname()[1]}/token"
    return record


def check_problem(answer: httpx2.Response, words: str, advice: str = "") -> None:
    """503, in words, as a problem document."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    told = answer.json()
    assert words in told["detail"], told
    assert advice in told.get("hint", ""), told


def check_page(answer: httpx2.Response, words: str) -> None:
    """503, in words, as a page."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert words in text_of(answer.text)


# A provider that hangs


def test_a_provider_that_hangs_keeps_no_other_record_waiting(
    web: Stage, devserver: DevServer, deaf: socket.socket, pool: ThreadPoolExecutor
) -> None:
    """More callers wait for its token than the server has threads; everything else is answered meanwhile."""
    web.put(hanging(devserver, deaf))
    web.put(machine(devserver, "well"))
    program, visitor = web.program("tokens:use", "records:read"), web.browser("ann")
    assert program.post("/records/well/token").status_code == 200

    many = httpx2.Client(
        base_url=program.base_url,
        headers=program.headers,
        timeout=ENOUGH,
        trust_env=False,
        limits=httpx2.Limits(max_connections=CALLERS),
    )
    waiting = [pool.submit(many.post, "/records/hanging/token") for _ in range(CALLERS)]
    deaf.settimeout(ENOUGH)
    reached = deaf.accept()[0]
    answers = [
        program.post("/records/well/token"),
        program.post("/records/well/headers", json={"url": devserver.server.api_url}),
        program.get("/records"),
        visitor.get("/records"),
        visitor.get("/records/hanging"),
        visitor.post("/records/well/try", {"origin": devserver.server.url, "path": "/api/orders"}),
    ]
    assert not any(one.done() for one in waiting), "the provider hangs still"
    assert [answer.status_code for answer in answers] == [200] * 6
    place = f"127.0.0.1:{deaf.getsockname()[1]}"
    deaf.close()
    reached.close()
    for one in waiting:
        check_problem(one.result(ENOUGH), place)
    many.close()


def test_the_page_says_that_a_provider_hangs_and_a_second_press_waits_with_the_first(
    web: Stage, devserver: DevServer, deaf: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web.site.sender, "_deadline", 1.0)
    web.put(hanging(devserver, deaf))
    visitor = web.browser("ann")
    for _ in range(3):
        assert "Waiting for the provider" in visitor.post("/records/hanging/obtain", hx_request="true").text
    until(lambda: "Waiting for the provider" not in visitor.part("/records/hanging/attempt").text)
    said = text_of(visitor.part("/records/hanging/attempt").text)
    assert f"127.0.0.1:{deaf.getsockname()[1]} did not answer in time" in said
    deaf.settimeout(5)
    accepted = [deaf.accept()[0]]
    deaf.settimeout(0.2)
    try:
        with pytest.raises(TimeoutError):
            accepted.append(deaf.accept()[0])
    finally:
        for one in accepted:
            one.close()
    assert len(accepted) == 1, "one press, one request"


def test_a_provider_that_answers_again_is_asked_again(
    web: Stage, devserver: DevServer, deaf: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web.site.sender, "_deadline", 0.3)
    stored = web.put(hanging(devserver, deaf))
    program = web.program("tokens:use", "records:write", "secrets:set")
    check_problem(program.post("/records/hanging/token"), "did not answer in time")
    check_problem(program.post("/records/hanging/token"), "did not answer in time")
    tag = f'"{stored.identity}.{stored.revision}"'
    mended = machine(devserver, "hanging")
    assert program.put("/records/hanging", json=mended, headers={"if-match": tag}).status_code == 200
    until(lambda: program.post("/records/hanging/token").status_code == 200)


# A disk that is full


class Disk:
    """What a SQLite store lies on. `fill` leaves it not a byte, `free` takes that back."""

    def __init__(self, folder: Path, *, is_small: bool) -> None:
        self.backend = SqliteBackend(str(folder / "data" / "store.sqlite"), time)
        self._filler = folder / "filler"
        self._is_small = is_small

    def fill(self) -> None:
        if not self._is_small:  # nobody let us mount a small disk: SQLite itself says that there is no room
            with self.backend.raw() as connection:
                pages = connection.execute("PRAGMA page_count").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
            return
        with self._filler.open("ab", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        filler.write(b"\xa5" * size)
                except OSError:
                    continue  # nothing of that size fits any more

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)
        with self.backend.raw() as connection:
            connection.execute("PRAGMA max_page_count = 1000000").fetchone()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", size="8m") as small:
        yield Disk(small or tmp_path, is_small=small is not None)


@pytest.fixture
def full(canary: Canary, disk: Disk) -> Iterator[Stage]:
    """A server on a store in a file."""
    with stage(canary, backend=disk.backend) as made:
        yield made


def grown_old(web: Stage) -> None:
    """Sessions and API tokens were used a while ago: their next use would be written down."""
    with web.site.backend.writing() as transaction:
        transaction.change("UPDATE sessions SET seen_at = seen_at - 120")
        transaction.change("UPDATE api_tokens SET used_at = NULL")


def saved(visitor: Visitor, record: dict[str, Any]) -> httpx2.Response:
    return visitor.post("/new", form_of_record(record), hx_request="true")


def test_K5_N13_a_full_disk_stops_what_must_be_written_and_nothing_else(
    full: Stage, disk: Disk, canary: Canary, devserver: DevServer
) -> None:
    """Reading goes on; what is handed out was told in this minute already; the rest says that there is no room."""
    visitor = full.browser("ann")
    program = full.program("tokens:use", "records:read", "records:write", "secrets:set", "audit:read")
    full.put(machine(devserver))
    full.put(bearer(canary, "untold"))
    assert program.post("/records/machine/token").status_code == 200
    grown_old(full)
    disk.fill()
    for path in ("/records", "/records/machine", "/records/machine/history", "/settings"):
        assert visitor.get(path).status_code == 200, path
    assert program.get("/records").status_code == 200
    assert program.get("/audit").status_code == 200
    assert program.post("/records/machine/token").status_code == 200
    untold = program.post("/records/untold/token")
    check_problem(untold, "the disk is full", "Make room")
    canary.scan(untold.text, "answer of a full disk")
    check_problem(program.post("/records", json=bearer(canary, "new")), "the disk is full", "Make room")
    check_problem(saved(visitor, bearer(canary, "new")), "the disk is full", "Make room")
    check_page(visitor.post("/records/machine/delete"), "the disk is full")
    check_page(visitor.post("/sign-out"), "the disk is full")
    assert {*full.store().names()} == {"machine", "untold"}
    disk.free()
    assert program.post("/records/untold/token").status_code == 200
    assert saved(visitor, bearer(canary, "new")).status_code == 204
