"""A database that is away: told on every page, and whoever was let in a moment ago still gets live tokens.

What is handed out is on the server's own disk before it leaves, and in the audit log once when the database is back.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from authrecord.core.errors import TryLater
from authrecord.stores.sql import remembering
from authrecord.stores.sql.audit import Line
from authrecord.stores.sql.audit_spool_telling import MARK
from authrecord.stores.sql.postgres import PostgresBackend
from authrecord.testing.devserver import DevServer
from authrecord.web.assembling import Wishes
from tests.canary_watch import Canary
from tests.fault_proxy import HEALTHY, FaultProxy, Faults
from tests.race.opening import open_tokens
from tests.race.plans import server_of, through
from tests.web.stage import Stage, bearer, stage
from tests.web.test_api import machine
from tests.web.test_outages import ENOUGH, check_page, check_problem, devserver, pool, until

__all__ = ["devserver", "pool"]

AWAY = Faults(refusing=True)
TOKEN = "/records/machine/token"


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The URL of a database of its own."""
    from urllib.parse import urlsplit, urlunsplit

    import psycopg

    name = f"authrecord_{os.urandom(6).hex()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def module_database(postgres_server: str) -> Iterator[str]:
    """A database for this file."""
    with new_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="module")
def proxy(module_database: str) -> Iterator[FaultProxy]:
    with FaultProxy(server_of(module_database)) as made:
        yield made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its own files."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def far_server(
    session_canary: Canary, module_database: str, proxy: FaultProxy, home: Path
) -> Iterator[Stage]:
    backend = PostgresBackend(through(module_database)(proxy.port), seconds=1.0)
    wishes = Wishes(environment={"AUTHRECORD_HOME": str(home)})
    with stage(session_canary, backend=backend, wishes=wishes) as made:
        yield made


@pytest.fixture
def far(far_server: Stage, proxy: FaultProxy, canary: Canary) -> Iterator[Stage]:
    """A server whose database is reached through a network that can fail."""
    proxy.faults = HEALTHY
    is_back(far_server)
    far_server.begin(canary)
    yield far_server
    proxy.faults = HEALTHY
    is_back(far_server)
    far_server.end()


def is_back(web: Stage) -> None:
    """Wait until the database answers, and what waited is told."""

    def answers() -> bool:
        try:
            web.site.people.anybody_has_a_password()
        except TryLater:
            return False
        return not web.site.away.is_away and not web.site.away.waiting

    until(answers)


def spooled(home: Path) -> bytes:
    """What waits on the server's disk."""
    return b"".join(path.read_bytes() for path in (home / "data" / "spool").glob("*.spool"))


def late(web: Stage) -> list[Line]:
    """The rows that waited."""
    lines = web.site.journal.page("default", name="", after=0, limit=1000)
    return [line for line in lines if MARK in line.entry.detail]


def let_in(web: Stage, *names: str) -> httpx2.Client:
    """A program that has just used these records, of which the next use is to be told."""
    program = web.program("tokens:use", "records:read", "records:write", "secrets:set", "admin")
    for name in names:
        assert program.post(f"/records/{name}/token").status_code == 200
    web.site.journal.flush()
    return program


@pytest.mark.parametrize("how", ["refusing", "swallowing"])
def test_K9_a_database_that_is_away_is_told_on_every_page_and_comes_back_by_itself(
    far: Stage, proxy: FaultProxy, pool: ThreadPoolExecutor, devserver: DevServer, how: str
) -> None:
    visitor, program = far.browser("ann"), far.program("tokens:use", "records:read", "records:write")
    far.put(machine(devserver))
    proxy.faults = Faults(**{how: True})
    pages = ["/records", "/new", "/records/machine", "/settings", "/sign-in", "/callback?state=x"]
    parts = ["/records", "/records/machine/attempt", "/records/machine/history"]
    calls = [("POST", TOKEN), ("GET", "/records"), ("DELETE", "/records/machine")]
    answers = [pool.submit(visitor.get, path) for path in pages]
    posted = pool.submit(visitor.post, "/sign-in", {"name": "ann", "password": visitor.password})
    problems = [pool.submit(visitor.part, path) for path in parts]
    problems += [pool.submit(program.request, method, path) for method, path in calls]
    problems += [pool.submit(visitor.send, "/records/machine/reveal", {"path": "x", "password": "y"})]
    for answer in (*answers, posted):
        check_page(answer.result(ENOUGH), "does not answer")
    for answer in problems:
        check_problem(answer.result(ENOUGH), "does not answer", "comes back by itself")
    assert visitor.get("/api/v1/openapi.json").status_code == 200, "what needs no database goes on"
    proxy.faults = HEALTHY
    until(lambda: program.post(TOKEN).status_code == 200)
    until(lambda: visitor.get("/records").status_code == 200)
    assert far.store().holds("machine")


@pytest.mark.parametrize("how", ["refusing", "swallowing"])
def test_K9_N13_a_live_token_goes_to_who_was_let_in_and_is_on_disk_before_it_leaves(
    far: Stage, proxy: FaultProxy, devserver: DevServer, canary: Canary, home: Path, how: str
) -> None:
    far.put(machine(devserver))
    static = bearer(canary, "static")
    far.put(static)
    program = let_in(far, "machine", "static")
    before = program.post(TOKEN).json()
    far.site.journal.flush()
    asked = time.time()
    proxy.faults = Faults(**{how: True})
    answers = [program.post(TOKEN) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert all(answer.json() | {"asked_at": before["asked_at"]} == before for answer in answers)
    kept = spooled(home)
    assert kept.count(b"token.release") == 1, "once a minute, as in the log"
    url = f"{devserver.server.url}/api/orders"
    headers = program.post("/records/machine/headers", json={"url": url})
    assert headers.json()["headers"]["Authorization"] == f"Bearer {before['access_token']}"
    elsewhere = program.post("/records/machine/headers", json={"url": "https://evil.example"})
    assert elsewhere.status_code == 403
    assert program.post("/records/static/token").json()["access_token"] == static["auth"]["token"]
    kept = spooled(home)
    assert [kept.count(one) for one in (b"\n", b"headers.release")] == [3, 1]
    canary.scan(kept.decode(), "spool")
    assert far.site.away.waiting == 3
    proxy.faults = HEALTHY
    is_back(far)
    told = late(far)
    assert [(line.entry.action, line.entry.name) for line in told] == [
        ("token.release", "machine"),
        ("headers.release", "machine"),
        ("token.release", "static"),
    ]
    assert all(asked - 1 < line.at < time.time() for line in told)
    assert spooled(home) == b""


def test_N13_where_nothing_can_be_noted_nothing_leaves_and_it_is_said(
    far: Stage, proxy: FaultProxy, devserver: DevServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far.put(machine(devserver))
    program = let_in(far, "machine")
    spool = far.site.journal._spool
    monkeypatch.setattr(spool, "_most_entries", 0)
    proxy.faults = AWAY
    check_problem(program.post(TOKEN), "as much as may wait", "Bring the database back")
    assert program.post(TOKEN).json()["code"] == "spool_full"
    monkeypatch.undo()
    spool.close()
    monkeypatch.setattr(spool, "folder", str(home / "data" / "spool" / "lock" / "below-a-file"))
    answer = program.post(TOKEN)
    check_problem(answer, "cannot note on its own disk", "make room")
    assert answer.json()["code"] == "spool_unusable"
    monkeypatch.undo()
    assert program.post(TOKEN).status_code == 200


def test_who_was_not_let_in_within_the_minute_gets_nothing(
    far: Stage, proxy: FaultProxy, devserver: DevServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("machine", "unread"):
        far.put(machine(devserver, name))
    program, stranger = let_in(far, "machine"), far.program("tokens:use")
    bound = far.program("tokens:use", records=["unread"])
    assert bound.post("/records/unread/token").status_code == 200
    reader = far.program("records:read")
    assert reader.get("/records").status_code == 200
    far.site.opened.end("default", "unread")
    proxy.faults = AWAY
    assert program.post(TOKEN).status_code == 200
    assert reader.post(TOKEN).status_code in {403, 503}
    for asking in (stranger.post(TOKEN), bound.post("/records/unread/token")):
        check_problem(asking, "does not answer", "within the last minute")
    assert bound.post(TOKEN).status_code in {404, 503}
    monkeypatch.setattr(remembering, "AWAY_SECONDS", 0.0)
    check_problem(program.post(TOKEN), "does not answer")


@pytest.mark.parametrize("deed", ["revoke", "kill", "change", "delete"])
def test_N7_what_this_server_has_ended_is_ended_although_the_database_goes_away(
    far: Stage, proxy: FaultProxy, devserver: DevServer, deed: str
) -> None:
    stored = far.put(machine(devserver))
    program, admin = let_in(far, "machine"), let_in(far)
    if deed == "revoke":
        tokens = admin.get("/api-tokens").json()["tokens"]
        identity = program.headers["authorization"].split("_")[1]
        assert identity in {one["id"] for one in tokens}
        assert admin.delete(f"/api-tokens/{identity}").status_code == 204
    elif deed == "kill":
        assert far.browser("ann").post("/settings/kill", {"word": "stop"}).status_code == 200
    elif deed == "change":
        tag = f'"{stored.identity}.{stored.revision}"'
        changed = machine(devserver) | {"description": "Changed"}
        answer = admin.put("/records/machine", json=changed, headers={"if-match": tag})
        assert answer.status_code == 200
    else:
        assert admin.delete("/records/machine").status_code == 204
    proxy.faults = AWAY
    check_problem(program.post(TOKEN), "does not answer")


# A server that is killed

SERVER = """
import os, signal, sys
from authrecord.core import faults
from authrecord.cli.entry import main
point = sys.argv.pop(1)
faults.install(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == point else None)
sys.argv[0] = "authrecord"
sys.exit(main())
"""


class Served:
    """`authrecord serve` in a process of its own, on the database at `url`; killed at the fault point `point`."""

    def __init__(self, folder: Path, url: str, point: str = "none") -> None:
        names = [name for name in os.environ if not name.startswith("AUTHRECORD_")]
        environment = {name: os.environ[name] for name in names} | {
            "AUTHRECORD_HOME": str(folder),
            "AUTHRECORD_STORE": url,
            "AUTHRECORD_KEY": f"file:{folder}/keys/store.key",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, point, "serve", "--json", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            if not line:
                assert point != "none", "the server ended"
                self.url = ""
                return
            said += line
        told: dict[str, Any] = json.loads(said)
        self.url = told["url"]

    def kill(self) -> None:
        """kill -9, unless it is dead already."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=ENOUGH)


@pytest.mark.slow
def test_N13_a_server_that_is_killed_tells_once_what_it_handed_out_while_the_database_was_away(
    postgres_server: str, tmp_path: Path, canary: Canary
) -> None:
    """kill -9 while the database is away; at the next start once more, between the log and the spool."""
    with new_database(postgres_server) as url, FaultProxy(server_of(url)) as proxy:
        store = open_tokens(url, f"file:{tmp_path}/keys/store.key", time)
        far = Served(tmp_path, through(url)(proxy.port))
        try:
            told = handed_out(store, far, proxy, canary, tmp_path)
            far.kill()
            assert (told(), spooled(tmp_path).count(b"\n")) == (0, 1)
            far = Served(tmp_path, url, "spool.cut.before")
            assert far.process.wait(ENOUGH) == -signal.SIGKILL
            assert (told(), spooled(tmp_path).count(b"\n")) == (1, 1)
            far.kill()
            far = Served(tmp_path, url)
            until(lambda: spooled(tmp_path) == b"")
            assert told() == 1
        finally:
            far.kill()
            store.close()


def handed_out(store: Any, far: Served, proxy: FaultProxy, canary: Canary, home: Path) -> Any:
    """A credential leaves while the database is away; counts how often the log tells of it."""
    from authrecord.documents import records_from
    from authrecord.stores.sql.api_tokens import ApiTokens
    from authrecord.stores.sql.audit_listing import Wanted, lines

    store.create(records_from(bearer(canary))[0])
    _, text = ApiTokens(store.backend).issue(
        tenant="default", label="test", scopes=["tokens:use"], records=None, days=1.0, created_by="test"
    )
    headers = {"authorization": f"Bearer {canary.watch(text.reveal(), 'API token')}"}
    route = "/api/v1/records/orders/headers"
    with httpx2.Client(base_url=far.url, headers=headers, timeout=ENOUGH, trust_env=False) as program:
        assert program.post("/api/v1/records/orders/token").status_code == 200
        proxy.faults = AWAY
        # Not told before of this origin: so it waits on disk.
        assert program.post(route, json={"url": "http://127.0.0.1:9"}).status_code == 200
    assert spooled(home).count(b"\n") == 1

    def told() -> int:
        with store.backend.reading() as transaction:
            rows = lines(transaction, "default", Wanted(action="headers.release"))
            return sum(1 for _ in rows)

    return told
