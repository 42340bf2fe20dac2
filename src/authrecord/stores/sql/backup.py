"""Backups: taken from one state of the store while everything runs, and put into a store again (attack row L14).

Rows are copied as they are. What is sealed stays sealed, so neither way needs the key, and what comes out opens
under the key of the store that went in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ...core.errors import StoreFault
from ...core.faults import fault
from .backend import Backend, Row, Transaction
from .backup_file import BackupFile, Table, new_backup, open_backup
from .restored import mark_restored

Progress = Callable[[str, int], None]
"""Is told the table, and how many rows of it were copied so far."""

SECONDS: Final = 600.0
"""How long one statement of a restore may take."""

HOLDING: Final = ("records", "tokens", "entries", "logins")
"""The tables that make a store one that nothing may be put over. Keys alone are what a new store has."""


@dataclass(frozen=True, slots=True)
class Copied:
    """How many rows were copied of each table, and when the backup was taken (UTC seconds)."""

    rows: dict[str, int]
    taken_at: float


def back_up(backend: Backend, path: str, progress: Progress = lambda table, rows: None) -> Copied:
    """Write all of the store into a new file. Raises `StoreFault` (code `exists` where a file is), `TryLater`."""
    fault("backup.before")
    copied: dict[str, int] = {}
    with new_backup(path) as file:
        with backend.reading() as transaction:
            taken_at = transaction.now()
            for table in file.tables:
                copied[table.name] = 0
                for rows in _pages(transaction, table):
                    file.put(table, rows)
                    copied[table.name] += len(rows)
                    progress(table.name, copied[table.name])
        file.mark(taken_at)
    fault("backup.after")
    return Copied(copied, taken_at)


def restore(
    backend: Backend, path: str, *, replace: bool, progress: Progress = lambda table, rows: None
) -> Copied:
    """Put all of a backup in place of what is in the store: in one transaction, all of it or nothing.

    The store then renews nothing until `restored.confirm`. Raises `StoreFault`: code `not_empty` where the store
    holds records or tokens and `replace` is not given, and what `open_backup` raises.
    """
    copied: dict[str, int] = {}
    with open_backup(path) as file:
        taken_at = file.taken_at
        with backend.writing(seconds=SECONDS) as transaction:
            _make_empty(transaction, file, replace=replace)
            for table in file.tables:
                copied[table.name] = 0
                for rows in file.pages(table):
                    transaction.change_many(table.insert(), rows)
                    copied[table.name] += len(rows)
                    progress(table.name, copied[table.name])
            mark_restored(transaction, taken_at)
            fault("restore.before_commit")
    fault("restore.after_commit")
    return Copied(copied, taken_at)


def _pages(transaction: Transaction, table: Table) -> Iterator[list[Row]]:
    rows = transaction.rows(table.first_page())
    while rows:
        yield rows
        rows = transaction.rows(table.page(), table.key_of(rows[-1]))


def _make_empty(transaction: Transaction, file: BackupFile, *, replace: bool) -> None:
    held = [name for name in HOLDING if transaction.row(f"SELECT 1 FROM {name} LIMIT 1")]  # noqa: S608 - names written above
    if held and not replace:
        raise StoreFault(
            f"this store is not empty: it holds {' and '.join(held)}.",
            hint="Restore into another store; or take a backup of this one, and add --replace.",
            code="not_empty",
        )
    for table in file.tables:
        transaction.change(f"DELETE FROM {table.name}")  # noqa: S608 - names of our own schema


def when(taken_at: float) -> str:
    """A time as these commands write it."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(taken_at))
