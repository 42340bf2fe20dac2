"""The least that a `Backend` can be: one connection of SQLite, for the parts that are written over transactions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from authrecord.stores.sql.backend import Row, Value
from authrecord.stores.sql.schema import MIGRATIONS

TYPES = {"bytes": "BLOB", "float": "REAL", "integer": "INTEGER"}


class TinyTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        found = self.rows(statement, values)
        return found[0] if found else None

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        return self._connection.execute(statement, values).rowcount

    def change_many(self, statement: str, many: Sequence[Sequence[Value]]) -> None:
        self._connection.executemany(statement, many)

    def now(self) -> float:
        return time.time()

    def notify(self, topic: str) -> None:
        return None


class TinyBackend:
    kind = "memory"

    def __init__(self, path: str = ":memory:") -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for migration in MIGRATIONS:
            self.connection.executescript(migration.format(**TYPES))

    @contextmanager
    def reading(self) -> Iterator[TinyTransaction]:
        yield TinyTransaction(self.connection)

    @contextmanager
    def writing(self) -> Iterator[TinyTransaction]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield TinyTransaction(self.connection)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def wait(self, topic: str, seconds: float) -> None:
        return None

    def close(self) -> None:
        self.connection.close()
