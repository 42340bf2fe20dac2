"""What the store needs of a database, and nothing else.

Statements are written once, with `?` for values; a backend that wants another mark puts it there. They use what
SQLite and PostgreSQL share: `INSERT … ON CONFLICT`, `RETURNING`, row values, `CREATE INDEX … WHERE`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from ...core.errors import AuthrecordError

Value: TypeAlias = "str | bytes | int | float | None"
Row: TypeAlias = tuple[Any, ...]
Mark: TypeAlias = tuple[int, ...]
Wait: TypeAlias = Callable[[float], None]
"""Waits until it is notified or so many seconds are over; may return early."""


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

    def ticks(self) -> float:
        """Seconds by which claims are timed, one clock for all who share the database.

        PostgreSQL: its own clock. SQLite: the machine's monotonic clock, which a jump of the time of day leaves
        alone and which begins anew when the machine does.
        """
        ...

    def has_table(self, name: str) -> bool:
        """Whether there is a table of that name where ours are."""
        ...

    def alone(self) -> None:
        """From here to the end of this write transaction no other one gets beyond its own `alone`."""
        ...

    def notify(self, topic: str) -> None:
        """Wake whoever waits for `topic` (letters, digits, `_`; 60 at most) once this is committed."""
        ...


class Backend(Protocol):
    """A database. Safe for threads; a forked child opens connections of its own (I15).

    `kind`: `sqlite`, `memory` or `postgres`. `place`: where it is, in words that may be shown. `types`: the
    database's names for the types in `schema`. `for_update`: what a SELECT ends with that locks its rows;
    `skip_locked`: the same, leaving out those that are locked.
    `lock_folder`: where locks of the operating system belong, empty where there are none. Errors of the driver
    come out as `StoreFault` or `TryLater` (code `store_busy`, `store_away`) in our own words, and hold no value of
    a row.
    """

    kind: str
    place: str
    types: Mapping[str, str]
    for_update: str
    skip_locked: str
    lock_folder: str

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that sees one state of the database."""
        ...

    def writing(self, *, seconds: float = 0.0, on_disk: bool = True) -> AbstractContextManager[Transaction]:
        """A short write transaction: on disk at its end, rolled back at any exception. Do not nest them.

        `seconds`: how long one statement may take, 0 for the default; only where the database is another machine.
        `on_disk`: false for what nobody misses after a loss of power on this machine. Everybody sees it at once, it
        outlives every process, and what is written to disk later takes it along. On another machine nothing changes.
        """
        ...

    def waiting(self, topic: str) -> AbstractContextManager[Wait]:
        """Inside, every `notify` of `topic` ends a wait: look once more after entering, then wait, then look."""
        ...

    def pauses(self) -> Iterator[float]:
        """For how many seconds to wait before the next look, without end: long where a `notify` arrives."""
        ...

    def mark(self) -> Mark | None:
        """Equal to an earlier one only if nothing was committed between the two; `None` where that cannot be told now.

        What another process commits may show a second later, where the database is another machine. Takes
        microseconds, waits for no transaction and raises nothing. Whoever remembers what was read takes it before that.
        """
        ...

    def make_room(self) -> bool:
        """Give back disk space that was held for this moment; `False` when there is none (attack row K5)."""
        ...

    def wipe(self) -> None:
        """Leave nothing of what was deleted in files beside the database (attack row K15)."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...


def noted(fault: AuthrecordError, error: Exception) -> AuthrecordError:
    """`fault`, with the notes (PEP 678) that our own code put on the driver's `error` which it takes the place of."""
    for note in getattr(error, "__notes__", ()):
        fault.add_note(note)
    return fault
