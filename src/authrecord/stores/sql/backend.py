"""What the store needs of a database, and nothing else.

Statements are written once, with `?` for values; a backend that wants another mark puts it there. They use what
SQLite and PostgreSQL share: `INSERT … ON CONFLICT`, `RETURNING`, row values, `CREATE INDEX … WHERE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

Value: TypeAlias = "str | bytes | int | float | None"
Row: TypeAlias = tuple[Any, ...]


class Transaction(Protocol):
    """Statements that belong together."""

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """All rows that the statement gives. Binary columns come as `bytes`."""
        ...

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        """The first row, or `None`."""
        ...

    def change(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Run the statement; how many rows it touched."""
        ...

    def change_many(self, statement: str, many: Sequence[Sequence[Value]]) -> None:
        """Run the statement once for each sequence of values."""
        ...

    def now(self) -> float:
        """UTC seconds by the database's clock (SQLite: by the clock that the backend was given)."""
        ...

    def notify(self, topic: str) -> None:
        """Wake whoever waits for `topic` (letters, digits, `_`; 60 at most) once this is committed."""
        ...


class Backend(Protocol):
    """A database. Safe for threads; a forked child opens connections of its own (I15).

    `kind`: `sqlite`, `memory` or `postgres`. Errors of the driver come out as `StoreFault` or `TryLater` (code
    `store_busy`, `store_away`) in our own words, and hold no value of a row.
    """

    kind: str

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that sees one state of the database."""
        ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """A short write transaction: on disk at its end, rolled back at any exception. Do not nest them."""
        ...

    def wait(self, topic: str, seconds: float) -> None:
        """Until `topic` is notified, or `seconds` are over; may return early. Between machines nobody polls."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...
