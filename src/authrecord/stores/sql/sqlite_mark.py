"""Whether anything was committed to a SQLite file, without reading a row: `PRAGMA data_version`.

SQLite changes that number of a connection whenever another connection commits, in this process or in another one.
So a connection that never writes sees every commit there is. It stays outside of all transactions: it waits for no
writer, and no writer waits for it.
"""

from __future__ import annotations

import sqlite3
import threading

from ...core.errors import StoreFault
from ..forking import leak, watch
from .backend import Mark
from .sqlite_file import connect, identity


class SqliteMark:
    """The mark of the file at `path`, which is there. Safe for threads and forks."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        watch(self)

    def now(self) -> Mark | None:
        """See `Backend.mark`. Threads that ask at once wait for each other, for microseconds."""
        with self._lock:
            if self._closed:
                return None
            try:
                file = identity(self._path)  # another file in its place is another store
                if self._connection is None:
                    self._connection = connect(self._path)
                    self._connection.execute("PRAGMA busy_timeout = 0").fetchone()
                (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            except (sqlite3.Error, StoreFault):
                return None  # whoever asks reads the store itself then, and hears what is wrong with it
            return (*file, version)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def before_fork(self) -> None:
        """See `Forks`."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """See `Forks`."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """See `Forks`."""
        self._lock = threading.Lock()
        if self._connection is not None:
            leak(self._connection)
            self._connection = None
