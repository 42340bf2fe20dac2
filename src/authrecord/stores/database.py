"""The SQLite file of the local cache: opened safely, one connection for each process, faults in our own words.

One connection serves all threads of a process, one after another: every transaction here is over in milliseconds,
and a renewal is never inside one (attack row I16). A forked child opens its own connection and leaves the parent's
untouched for ever, since SQLite forbids to use or close it there (I15).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ..core.errors import AuthrecordError, StoreFault, TryLater
from .locks import locked
from .private_files import create, make_folder, refuse_unsafe, unusable
from .sealing import DoesNotOpen, Random, SealingKey

SCHEMA: Final = 1
"""The version of the tables, kept in the file's `user_version`."""

BUSY_SECONDS: Final = 5.0
"""How long a transaction waits for another process's transaction (K7)."""

KEY_CHECK: Final = b"authrecord/key-check/v1"

TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE tokens (
    name TEXT, digest TEXT, generation INTEGER NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (name, digest)
) WITHOUT ROWID;
CREATE TABLE claims (
    name TEXT, digest TEXT, epoch TEXT NOT NULL, holder TEXT NOT NULL, slot INTEGER NOT NULL,
    until REAL NOT NULL, PRIMARY KEY (name, digest)
) WITHOUT ROWID;
CREATE TABLE entries (
    number INTEGER PRIMARY KEY, index_key BLOB UNIQUE NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL
);
CREATE INDEX entries_by_name ON entries (name);
"""


class Database:
    """The file at `path`, made if it is not there. Raises `StoreFault` when it, or the key, cannot be used."""

    def __init__(self, path: str, key: SealingKey, random: Random) -> None:
        self.path = path
        self._key = key
        self._random = random
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._closed = False
        _open_databases.add(self)
        with self.reading():
            pass  # a wrong key or an unsafe file is found now, not at the first token

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for single statements."""
        with self._lock:
            try:
                yield self._connected()
            except sqlite3.Error as error:
                raise fault_of(error, self.path) from None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A short write transaction: committed and on disk at its end, rolled back at any exception."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def truncate_log(self) -> None:
        """Empty the write-ahead log, so that deleted rows do not live on in it (K15). Does nothing when busy."""
        with self.reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Close this process's connection."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def before_fork(self) -> None:
        """No other thread is inside SQLite while the process forks."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """A lock of its own, and no connection; the parent's is never closed here."""
        self._lock = threading.RLock()
        if self._connection is not None:
            _leak(self._connection)
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreFault("the store is closed.", code="closed")
        if self._connection is None:
            self._connection = self._open()
        try:
            state = os.stat(self.path)
        except OSError as error:
            raise unusable(self.path, error) from None
        if (state.st_dev, state.st_ino) != self._file:
            raise StoreFault(
                f"{self.path} was replaced or removed while it was in use.",
                hint="Start again; nothing is written to the file that is gone.",
                code="file_replaced",
            )
        return self._connection

    def _open(self) -> sqlite3.Connection:
        folder = os.path.dirname(self.path)
        make_folder(folder)
        refuse_unsafe(self.path)
        try:
            with locked(os.path.join(folder, os.path.basename(self.path) + ".lock")):
                create(self.path)
                refuse_unsafe(self.path)
                state = os.stat(self.path)
                self._file = (state.st_dev, state.st_ino)
                connection = sqlite3.connect(
                    self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
                )
                try:
                    self._prepare(connection)
                except BaseException:
                    connection.close()
                    raise
                return connection
        except OSError as error:
            raise unusable(self.path, error) from None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Check before anything is written; then make the tables if the file is new."""
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and tables == 0:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.execute("PRAGMA synchronous=FULL")
            self._make_tables(connection)
        elif version != SCHEMA:
            raise StoreFault(
                f"{self.path} has version {version} of the tables; this authrecord works with version {SCHEMA}.",
                hint="Use the authrecord that made it, or name another file.",
                code="schema",
            )
        else:
            self._check_key(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON").fetchone()

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES.split(";"):
            connection.execute(statement)
        check = self._key.seal(KEY_CHECK, KEY_CHECK, self._random)
        connection.execute("INSERT INTO meta VALUES ('key_check', ?)", (check,))
        connection.execute(f"PRAGMA user_version={SCHEMA}")
        connection.execute("COMMIT")

    def _check_key(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT value FROM meta WHERE name = 'key_check'").fetchone()
        try:
            if row is not None and self._key.open(row[0], KEY_CHECK) == KEY_CHECK:
                return
        except DoesNotOpen:
            pass  # said below
        raise StoreFault(
            f"the key does not open {self.path}: it is not the one that sealed it.",
            hint="Give the right key (AUTHRECORD_KEY); or delete the file and log in again.",
            code="wrong_key",
        )


def fault_of(error: sqlite3.Error, path: str) -> AuthrecordError:
    """What an error of SQLite means for the caller. The text holds no value of a row."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TryLater(
            f"{path} is held by another process.", code="store_busy", hint="Try again in a moment."
        )
    for beginning, code, what, hint in (
        (
            "SQLITE_FULL",
            "disk_full",
            "could not be written: the disk is full",
            "Make room; nothing was changed.",
        ),
        (
            "SQLITE_READONLY",
            "read_only",
            "cannot be written",
            "Check the owner and mode of the file and its folder.",
        ),
        ("SQLITE_CANTOPEN", "unusable_file", "cannot be opened", "Check the owner and mode of its folder."),
        ("SQLITE_NOTADB", "corrupt", "is not a database", "Delete it and log in again."),
        ("SQLITE_CORRUPT", "corrupt", "is damaged", "Delete it and log in again."),
    ):
        if name.startswith(beginning):
            return StoreFault(f"{path} {what}.", hint=hint, code=code)
    return StoreFault(f"{path} cannot be used ({name}).", hint="Check the disk.", code="store")


_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _leak(connection: sqlite3.Connection) -> None:
    """Keep the parent's connection alive in this child past the end of the interpreter.

    Closing it, even by garbage collection at exit, could take the write-ahead log away under the parent.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


_stopped: list[Database] = []


def _before_fork() -> None:
    stopped = list(_open_databases)
    for database in stopped:
        database.before_fork()
    _stopped[:] = stopped


def _after_fork_in_parent() -> None:
    while _stopped:
        _stopped.pop().after_fork_in_parent()


def _after_fork_in_child() -> None:
    while _stopped:
        _stopped.pop().after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
