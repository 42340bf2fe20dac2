"""A store in memory with every table, and its connection for looking into it as somebody without the key does."""

from __future__ import annotations

import sqlite3
import time

from authrecord.stores.sql.memory import MemoryBackend
from authrecord.stores.sql.migrating import migrate


class TinyBackend(MemoryBackend):
    """A memory store that is ready."""

    def __init__(self) -> None:
        super().__init__("memory", time)
        migrate(self)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, outside of any transaction."""
        return self._connected()
