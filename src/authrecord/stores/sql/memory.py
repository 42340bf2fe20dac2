"""A store in memory, for tests: SQLite without a file, gone with the process."""

from __future__ import annotations

import sqlite3

from .backend import Mark
from .sqlite import SqliteBackend
from .sqlite_file import connect


class MemoryBackend(SqliteBackend):
    """Implements `backend.Backend` in memory, for the threads of one process. A forked child has an empty one."""

    kind = "memory"

    def _open(self) -> sqlite3.Connection:
        return connect(":memory:")

    def _identity(self) -> tuple[int, int]:
        return (0, 0)

    def _make_lock_folder(self) -> str:
        return ""

    def mark(self) -> Mark | None:
        """See `Backend.mark`: there is one connection, which counts the rows that it has changed."""
        connection = self._connection
        return None if connection is None or self._closed else (connection.total_changes,)

    def make_room(self) -> bool:
        """See `Backend.make_room`: no disk, no ballast."""
        return False
