"""PostgreSQL as a backend: a pool of connections, short transactions, and the database's own clock.

Nothing here belongs to a session, so that a transaction-mode pooler may stand between (attack row K10): row locks
and transaction-level locks only, no prepared statements, settings by `SET LOCAL`. A process that is stopped inside
a transaction loses it after a few seconds, so that it holds up nobody (I7).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from ...core.errors import StoreFault
from ..forking import leak, watch
from ..locating import place_of_url
from .backend import Mark, Row, Transaction, Value, Wait, noted
from .listening import CHANNEL, Listener
from .postgres_connection import (
    STATEMENT_SECONDS,
    PatientConnection,
    away,
    busy,
    connect,
    fault_of,
    options,
    refused,
)

TYPES: Final = {
    "bytes": "BYTEA",
    "float": "DOUBLE PRECISION",
    "integer": "BIGINT",
    "name": 'TEXT COLLATE "C"',
}

MOST_CONNECTIONS: Final = 8
"""Of one process. Every transaction is over in milliseconds."""

MIGRATION_LOCK: Final = 0x61757468
"""The number of the transaction-level lock behind `alone`."""

FIRST_PAUSE: Final = 0.01
LONGEST_PAUSE: Final = 1.0
"""Seconds between two looks where no notification arrives."""

MARK_SECONDS: Final = 1.0
"""What other processes have committed shows in a mark after so long."""

SAFETY_SECONDS: Final = 5.0
"""After so long a waiter looks once more, although nobody woke it: a notification may have been lost on the way."""


class PostgresTransaction:
    """Implements `backend.Transaction` on a connection that is in a transaction."""

    __slots__ = ("_connection", "_skew")

    def __init__(self, connection: PatientConnection, skew: Callable[[], float]) -> None:
        self._connection = connection
        self._skew = skew

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """See `Transaction.rows`."""
        return self._execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        """See `Transaction.row`."""
        return self._execute(statement, values).fetchone()

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """See `Transaction.change`."""
        return self._execute(statement, values).rowcount

    def change_many(self, statement: str, many: Sequence[Sequence[Value]]) -> None:
        """See `Transaction.change_many`."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_marked(statement), many)

    def now(self) -> float:
        """See `Transaction.now`."""
        row = self.row("SELECT extract(epoch FROM clock_timestamp())::float8")
        assert row is not None  # noqa: S101 - such a statement gives one row; states it for the type
        return float(row[0]) + self._skew()

    def ticks(self) -> float:
        """See `Transaction.ticks`."""
        return self.now()

    def has_table(self, name: str) -> bool:
        """See `Transaction.has_table`."""
        # Not to_regclass(): that answers from a cache which may be older than the lock of `alone`.
        found = self.row(
            "SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
            " WHERE relname = ? AND relkind IN ('r', 'p') AND nspname = ANY (current_schemas(false))",
            (name,),
        )
        return found is not None

    def alone(self) -> None:
        """See `Transaction.alone`."""
        self._execute("SELECT pg_advisory_xact_lock(?)", (MIGRATION_LOCK,))

    def notify(self, topic: str) -> None:
        """See `Transaction.notify`."""
        self._execute(f"SELECT pg_notify('{CHANNEL}', ?)", (topic,))

    def _execute(self, statement: str, values: Sequence[Value]) -> psycopg.Cursor[Row]:
        return self._connection.execute(_marked(statement), values)


class PostgresBackend:
    """Implements `backend.Backend` in the PostgreSQL that `url` names.

    `listen_url`: where notifications arrive when `url` leads to a pooler that swallows them. `skew`: seconds that
    the database's clock is off, for tests. Nothing is connected before the first transaction.
    """

    kind = "postgres"
    types: Mapping[str, str] = TYPES
    for_update = " FOR UPDATE"
    skip_locked = " FOR UPDATE SKIP LOCKED"
    lock_folder = ""

    def __init__(
        self,
        url: str,
        *,
        listen_url: str = "",
        most: int = MOST_CONNECTIONS,
        seconds: float = STATEMENT_SECONDS,
        skew: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.place = place_of_url(url)
        self._url = url
        self._most = most
        self._seconds = seconds
        self._skew = skew
        self._lock = threading.Lock()
        self._lent = 0
        self._pool: ConnectionPool[PatientConnection] | None = None
        self._closed = False
        self._commits = 0
        self._listener = Listener(lambda: connect(listen_url or url), self._send)
        watch(self)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """See `Backend.reading`."""
        with self._in_transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0.0) as transaction:
            yield transaction

    @contextmanager
    def writing(self, *, seconds: float = 0.0, on_disk: bool = True) -> Iterator[Transaction]:
        """See `Backend.writing`. Always as safe as the server is set up: its crash would not end the holders."""
        try:
            with self._in_transaction("BEGIN", seconds) as transaction:
                yield transaction
        finally:
            with self._lock:
                self._commits += 1  # after a fault as well: nobody knows then whether it was committed

    def waiting(self, topic: str) -> AbstractContextManager[Wait]:
        """See `Backend.waiting`."""
        return self._listener.waiting(topic)

    def pauses(self) -> Iterator[float]:
        """See `Backend.pauses`: long where notifications arrive, else growing up to a second."""
        pause = FIRST_PAUSE
        while True:
            if self._listener.hears:
                yield SAFETY_SECONDS
                continue
            yield pause * (0.5 + os.urandom(1)[0] / 256)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def mark(self) -> Mark | None:
        """See `Backend.mark`: what this process wrote, and the second of the clock, since a look costs a round trip."""
        return (self._commits, int(time.monotonic() / MARK_SECONDS))

    def make_room(self) -> bool:
        """See `Backend.make_room`: the disk is another machine's."""
        return False

    def wipe(self) -> None:
        """See `Backend.wipe`: what is deleted is ciphertext, and vacuum is the database's own affair."""

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        self._listener.close()
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(timeout=self._seconds)

    def before_fork(self) -> None:
        """See `Forks`."""
        self._lock.acquire()
        self._listener.before_fork()

    def after_fork_in_parent(self) -> None:
        """See `Forks`."""
        self._listener.after_fork_in_parent()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """See `Forks`."""
        self._lock = threading.Lock()
        self._lent = 0
        self._listener.after_fork_in_child()
        if self._pool is not None:
            leak(self._pool)
            self._pool = None

    def _send(self, topic: str) -> None:
        """Notify outside of any other transaction; the listener's question whether it hears."""
        with self.writing() as transaction:
            transaction.notify(topic)

    @contextmanager
    def _in_transaction(self, begin: str, seconds: float) -> Iterator[PostgresTransaction]:
        patience = seconds or self._seconds
        pool, connection = self._begun(begin, patience)
        try:
            connection.patience = patience
            try:
                yield PostgresTransaction(connection, self._skew)
                connection.execute("COMMIT")
            except BaseException:
                if not connection.closed:
                    connection.execute("ROLLBACK")
                raise
            finally:
                connection.patience = self._seconds
        except psycopg.Error as error:
            raise noted(fault_of(error, self.place), error) from None
        finally:
            self._give_back(pool, connection)

    def _begun(
        self, begin: str, patience: float
    ) -> tuple[ConnectionPool[PatientConnection], PatientConnection]:
        """A connection that has begun a transaction; those that died meanwhile are thrown away on the way."""
        limit = int(patience * 1000)
        opening = (
            f"{begin}; SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {limit};"
            f" SET LOCAL idle_in_transaction_session_timeout = {int(self._seconds * 2500)}"
        )
        deadline = time.monotonic() + self._seconds
        while True:
            pool, connection = self._lend(deadline - time.monotonic())
            try:
                connection.patience = max(0.05, deadline - time.monotonic())
                connection.execute(opening)
            except psycopg.Error as error:
                self._give_back(pool, connection)
                if not connection.closed or time.monotonic() >= deadline:
                    raise noted(fault_of(error, self.place), error) from None
            except BaseException:
                self._give_back(pool, connection)
                raise
            else:
                return pool, connection

    def _lend(self, seconds: float) -> tuple[ConnectionPool[PatientConnection], PatientConnection]:
        with self._lock:
            if self._closed:
                raise StoreFault("the store is closed.", code="closed")
            if self._pool is None:
                self._pool = _pool(self._url, self._most)
            pool = self._pool
        try:
            connection = pool.getconn(timeout=max(seconds, 0.001))
        except PoolTimeout:
            with self._lock:
                exhausted = self._lent >= self._most
            if exhausted:
                raise busy(self.place) from None
            raise self._why_away() from None
        with self._lock:
            self._lent += (
                1  # what is lent, and not who waits: many who wait for a server that is away use up nothing
            )
        return pool, connection

    def _give_back(self, pool: ConnectionPool[PatientConnection], connection: PatientConnection) -> None:
        with self._lock:
            self._lent -= 1
        pool.putconn(connection)

    def _why_away(self) -> Exception:
        """The pool does not say why it has no connection. A wrong password is not a server that is away."""
        try:
            connect(self._url).close()
        except psycopg.OperationalError as error:
            words = str(error)
            if "password" in words or "role" in words or ("database" in words and "does not exist" in words):
                return refused(self.place)
        return away(self.place)


def _pool(url: str, most: int) -> ConnectionPool[PatientConnection]:
    """Connections are made when they are needed; a failed attempt is given up at once: the next one asks anew."""
    # What it warns of comes out as an error of ours.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    return ConnectionPool(
        url,
        connection_class=PatientConnection,
        kwargs=options(),
        min_size=0,
        max_size=most,
        open=True,
        reconnect_timeout=0.5,
        num_workers=2,
        name="authrecord",
    )


_marks: dict[str, str] = {}


def _marked(statement: str) -> Any:
    """The statement with the driver's own marks for values. No statement of ours holds `?` or `%` otherwise."""
    found = _marks.get(statement)
    if found is None:
        found = _marks[statement] = statement.replace("?", "%s")
    return found
