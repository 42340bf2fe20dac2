"""SQLite as a backend: one connection for each process, in WAL mode, `synchronous=FULL`.

One connection serves all threads of a process, one after another: every transaction here is over in milliseconds,
and a renewal is never inside one (attack row I16). A forked child opens its own connection and leaves the parent's
untouched for ever, since SQLite forbids to use or close it there (I15).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from ...core.contracts import Clock
from ...core.errors import StoreFault
from ..forking import leak, watch
from ..private_files import make_folder
from .backend import Mark, Row, Transaction, Value, Wait, noted
from .sqlite_file import drop_ballast, fault_of, identity, open_file
from .sqlite_mark import SqliteMark

TYPES: Final = {"bytes": "BLOB", "float": "REAL", "integer": "INTEGER", "name": "TEXT"}

FIRST_PAUSE: Final = 0.002
LONGEST_PAUSE: Final = 0.05
"""Seconds between two looks at what another process does: the kernel wakes nobody when a file lock ends."""


class SqliteTransaction:
    """Implements `backend.Transaction` on one connection."""

    __slots__ = ("_clock", "_connection", "notified")

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self.notified: set[str] = set()

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """See `Transaction.rows`."""
        return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        """See `Transaction.row`."""
        cursor = self._connection.execute(statement, values)
        found: Row | None = cursor.fetchone()
        cursor.close()
        return found

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """See `Transaction.change`."""
        return self._connection.execute(statement, values).rowcount

    def change_many(self, statement: str, many: Sequence[Sequence[Value]]) -> None:
        """See `Transaction.change_many`."""
        self._connection.executemany(statement, many)

    def now(self) -> float:
        """See `Transaction.now`."""
        return self._clock.time()

    def ticks(self) -> float:
        """See `Transaction.ticks`."""
        return self._clock.monotonic()

    def has_table(self, name: str) -> bool:
        """See `Transaction.has_table`."""
        return self.row("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)) is not None

    def alone(self) -> None:
        """See `Transaction.alone`. There is only one writer at a time."""

    def notify(self, topic: str) -> None:
        """See `Transaction.notify`. Reaches the threads of this process; other processes look again soon."""
        self.notified.add(topic)


class SqliteBackend:
    """Implements `backend.Backend` on the file at `path` (absolute), which is made when it is not there.

    `clock`: its monotonic time ends claims. Raises `StoreFault` when the file cannot be used; see `sqlite_file`.
    """

    kind = "sqlite"
    types: Mapping[str, str] = TYPES
    for_update = ""
    skip_locked = ""

    def __init__(self, path: str, clock: Clock) -> None:
        self.path = path
        self.place = path
        self._clock = clock
        self._lock = threading.RLock()
        self._woken = threading.Condition()
        self._connection: sqlite3.Connection | None = None
        self._is_flushed = True
        self._file = (0, 0)
        self._closed = False
        self._mark = SqliteMark(path)
        watch(self)
        with self.reading():
            pass  # an unsafe file is found now, not at the first token
        self.lock_folder = self._make_lock_folder()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """See `Backend.reading`."""
        with self._in_transaction("BEGIN") as transaction:
            yield transaction

    @contextmanager
    def writing(self, *, seconds: float = 0.0, on_disk: bool = True) -> Iterator[Transaction]:
        """See `Backend.writing`."""
        with self._in_transaction("BEGIN IMMEDIATE", on_disk=on_disk) as transaction:
            yield transaction
        if transaction.notified:
            with self._woken:
                self._woken.notify_all()

    @contextmanager
    def waiting(self, topic: str) -> Iterator[Wait]:
        """See `Backend.waiting`."""

        def wait(seconds: float) -> None:
            with self._woken:
                self._woken.wait(seconds)

        yield wait

    def pauses(self) -> Iterator[float]:
        """See `Backend.pauses`: short at first, longer and longer, each with jitter."""
        pause = FIRST_PAUSE
        while True:
            yield pause * (0.5 + os.urandom(1)[0] / 256)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def mark(self) -> Mark | None:
        """See `Backend.mark`. Exact: other processes' commits show at once."""
        return self._mark.now()

    def make_room(self) -> bool:
        """See `Backend.make_room`."""
        return drop_ballast(self.path)

    def wipe(self) -> None:
        """See `Backend.wipe`: empties the write-ahead log. Does nothing while another process reads."""
        with self._lock, self._translated():
            self._connected().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Close this process's connections."""
        self._mark.close()
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def raw(self) -> Iterator[sqlite3.Connection]:
        """The connection itself, outside of any transaction: for the database's own copy of itself."""
        with self._lock, self._translated():
            yield self._connected()

    def before_fork(self) -> None:
        """See `Forks`."""
        self._lock.acquire()
        self._woken.acquire()

    def after_fork_in_parent(self) -> None:
        """See `Forks`."""
        self._woken.release()
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """See `Forks`."""
        self._lock = threading.RLock()
        self._woken = threading.Condition()
        if self._connection is not None:
            leak(self._connection)
            self._connection = None

    @contextmanager
    def _in_transaction(self, begin: str, *, on_disk: bool = True) -> Iterator[SqliteTransaction]:
        with self._lock, self._translated():
            connection = self._connected()
            self._flushes(connection, on_disk)
            connection.execute(begin)
            try:
                yield SqliteTransaction(connection, self._clock)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise noted(fault_of(error, self.place), error) from None

    def _flushes(self, connection: sqlite3.Connection, on_disk: bool) -> None:
        """Whether the next commit is flushed to the disk; checkpoints are, in any case.

        SQLite changes it between transactions only. It costs 15 µs, a flush 700.
        """
        if self._is_flushed is not on_disk:
            connection.execute("PRAGMA synchronous=" + ("FULL" if on_disk else "NORMAL"))
            self._is_flushed = on_disk

    def _connected(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreFault("the store is closed.", code="closed")
        if self._connection is None:
            self._connection = self._open()
            self._is_flushed = True
            self._file = self._identity()
        elif self._identity() != self._file:
            raise StoreFault(
                f"{self.path} was replaced or removed while it was in use.",
                hint="Start again; nothing is written to the file that is gone.",
                code="file_replaced",
            )
        return self._connection

    def _open(self) -> sqlite3.Connection:
        return open_file(self.path)

    def _identity(self) -> tuple[int, int]:
        return identity(self.path)

    def _make_lock_folder(self) -> str:
        folder = self.path + ".locks"
        make_folder(folder)
        return folder
