"""A database of nothing but SQLite and a vault of nothing but HMAC, for parts that need no more."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from authrecord.stores.sql.backend import Row, Transaction, Value
from authrecord.stores.sql.schema import MIGRATIONS


class SmallTransaction:
    """One connection's statements."""

    def __init__(self, connection: sqlite3.Connection, at: float) -> None:
        self._connection = connection
        self._at = at

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
        return self._at

    def ticks(self) -> float:
        return self._at

    def has_table(self, name: str) -> bool:
        return True

    def alone(self) -> None:
        return None

    def notify(self, topic: str) -> None:
        raise AssertionError(f"nobody waits for {topic} here")


class SmallDatabase:
    """Every table of the store, in memory, at a time of its own."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.at = 1_800_000_000.25
        for migration in MIGRATIONS:
            self.connection.executescript(
                migration.text.format(bytes="BLOB", float="REAL", integer="INTEGER", name="TEXT")
            )

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield SmallTransaction(self.connection, self.at)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")


class SmallVault:
    """Keyed hashes, one key for each tenant and purpose."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def keyed(self, transaction: Transaction, tenant: str, purpose: str, value: bytes) -> bytes:
        return hmac.digest(hmac.digest(self._key, f"{purpose}|{tenant}".encode(), "sha256"), value, "sha256")
