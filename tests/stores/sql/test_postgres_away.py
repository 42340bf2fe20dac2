"""A PostgreSQL that is away, and comes back: typed errors soon, nothing half done, recovery by itself (row K9, R12)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest

from authrecord.core.errors import StoreFault, TryLater
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.postgres import MOST_CONNECTIONS, PostgresBackend
from tests.fault_proxy import HEALTHY, FaultProxy, Faults
from tests.race.plans import server_of, through

PUT = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
GET = "SELECT value FROM meta WHERE name = ?"

ENOUGH = 30.0
"""Seconds after which a test that waits gives up; what is waited for is due in two."""

AWAY = {
    "refuses": Faults(refusing=True),
    "resets": Faults(reset_after=0),
    "half-closes": Faults(half_closed=True),
    "swallows": Faults(swallowing=True),
}


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(server_of(postgres_url)) as proxy:
        yield proxy


@pytest.fixture
def backend(postgres_url: str, proxy: FaultProxy) -> Iterator[PostgresBackend]:
    """The database behind the proxy, with all tables."""
    backend = PostgresBackend(through(postgres_url)(proxy.port))
    migrate(backend)
    yield backend
    backend.close()


def put(backend: PostgresBackend, name: str, value: str) -> None:
    with backend.writing() as transaction:
        transaction.change(PUT, (name, value))


def get(backend: PostgresBackend, name: str) -> str | None:
    with backend.reading() as transaction:
        row = transaction.row(GET, (name,))
    return None if row is None else str(row[0])


def check_away(work: ThreadPoolExecutor, backend: PostgresBackend) -> None:
    """A write and a read end with a typed error, and do not hang."""
    calls: list[Future[str | None] | Future[None]] = [
        work.submit(put, backend, "a", "2"),
        work.submit(get, backend, "a"),
    ]
    for call in calls:
        with pytest.raises(TryLater) as caught:
            call.result(ENOUGH)
        assert caught.value.code == "store_away"


def check_back(backend: PostgresBackend) -> None:
    """It works again, once attempts that began while it was away have ended."""
    give_up = time.monotonic() + ENOUGH
    while True:
        try:
            put(backend, "a", "3")
            break
        except TryLater:
            if time.monotonic() > give_up:
                raise
    assert get(backend, "a") == "3"


@pytest.fixture
def work() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.mark.parametrize("how", AWAY)
def test_K9_a_database_that_goes_away_is_a_typed_error_and_comes_back_by_itself(
    backend: PostgresBackend, proxy: FaultProxy, work: ThreadPoolExecutor, how: str
) -> None:
    put(backend, "a", "1")
    proxy.faults = AWAY[how]
    check_away(work, backend)
    proxy.faults = HEALTHY
    check_back(backend)


@pytest.mark.parametrize("how", AWAY)
def test_K9_a_database_that_goes_away_inside_a_transaction_rolls_it_back(
    backend: PostgresBackend, proxy: FaultProxy, work: ThreadPoolExecutor, how: str, postgres_url: str
) -> None:
    put(backend, "a", "1")

    def interrupted() -> None:
        with backend.writing() as transaction:
            transaction.change(PUT, ("a", "2"))
            proxy.faults = AWAY[how]
            transaction.change(PUT, ("a", "3"))

    with pytest.raises(TryLater):
        work.submit(interrupted).result(ENOUGH)
    proxy.faults = HEALTHY
    assert get(backend, "a") == "1"


def test_K9_a_database_that_is_down_at_the_start_is_a_typed_error(
    postgres_url: str, proxy: FaultProxy, work: ThreadPoolExecutor
) -> None:
    proxy.faults = Faults(refusing=True)
    backend = PostgresBackend(through(postgres_url)(proxy.port))
    try:
        check_away(work, backend)
        proxy.faults = HEALTHY
        migrate(backend)
        check_back(backend)
    finally:
        backend.close()


def test_K9_connections_that_the_server_ended_are_replaced(
    backend: PostgresBackend, postgres_url: str
) -> None:
    """A fail-over or a restart ends every connection; the next transaction does not notice."""
    put(backend, "a", "1")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert get(backend, "a") == "1"


def test_K9_a_read_only_replica_serves_reads_and_refuses_writes(
    backend: PostgresBackend, postgres_url: str
) -> None:
    put(backend, "a", "1")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        name = admin.info.dbname
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    replica = PostgresBackend(postgres_url)
    try:
        assert get(replica, "a") == "1"
        with pytest.raises(StoreFault) as caught:
            put(replica, "a", "2")
        assert caught.value.code == "read_only"
    finally:
        replica.close()


def test_K11_an_exhausted_pool_is_a_typed_error_and_no_deadlock(
    backend: PostgresBackend, work: ThreadPoolExecutor
) -> None:
    put(backend, "a", "1")
    inside = threading.Barrier(MOST_CONNECTIONS + 1)
    leave = threading.Event()

    def stay() -> None:
        with backend.reading() as transaction:
            transaction.row(GET, ("a",))
            inside.wait(ENOUGH)
            leave.wait(ENOUGH)

    with ThreadPoolExecutor(MOST_CONNECTIONS) as holders:
        staying = [holders.submit(stay) for _ in range(MOST_CONNECTIONS)]
        inside.wait(ENOUGH)
        with pytest.raises(TryLater) as caught:
            work.submit(get, backend, "a").result(ENOUGH)
        assert caught.value.code == "store_busy"
        leave.set()
        for one in staying:
            one.result(ENOUGH)
    assert get(backend, "a") == "1"


def test_I14_a_listening_connection_that_died_in_silence_is_replaced(
    backend: PostgresBackend, proxy: FaultProxy, work: ThreadPoolExecutor, postgres_url: str
) -> None:
    """It swallowed a notification, and no end of the connection was ever seen. Whoever waits is woken all the same."""
    other = PostgresBackend(postgres_url)
    heard = threading.Event()

    def tell(value: str) -> None:
        with other.writing() as transaction:
            transaction.change(PUT, ("a", value))
            transaction.notify("topic")

    def listen() -> None:
        while not heard.is_set():
            with backend.waiting("topic") as wait:
                wait(100 * ENOUGH)
                if get(backend, "a") == "told":
                    heard.set()

    try:
        with backend.waiting("topic") as wait:
            wait(0.01)
            proxy.faults = Faults(swallowing=True)
            tell("not heard")
            wait(0.2)
        proxy.faults = HEALTHY
        check_back(backend)
        waiting = work.submit(listen)
        for _ in range(int(ENOUGH)):
            tell("told")
            if heard.wait(1.0):
                break
        assert heard.is_set()
        waiting.result(ENOUGH)
    finally:
        heard.set()
        other.close()
        backend.close()
