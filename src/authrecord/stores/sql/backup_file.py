"""The file of a backup: a SQLite database with the store's own tables, whatever database the store is in.

It holds what the store holds, sealed as it is there, and no key.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import StoreFault
from .. import private_files
from .backend import Row, Value
from .restored import MARK
from .schema import MIGRATIONS
from .sqlite import TYPES

ROWS_AT_ONCE: Final = 2000

_WAL: Final = 2
"""Byte 18 of the header of a database whose newest rows stand in another file: a store in use, and no backup."""

APPLICATION: Final = 0x41757468
"""What the header of a backup has as its application: `Auth`."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns in order, and the columns of its primary key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    def page(self) -> str:
        """The statement for the next rows, in the order of the key; its values are the last row's key."""
        key = ", ".join(self.key)
        marks = ", ".join("?" * len(self.key))
        return self.select() + f" WHERE ({key}) > ({marks}) ORDER BY {key} LIMIT {ROWS_AT_ONCE}"

    def first_page(self) -> str:
        """The same for the first rows."""
        return self.select() + f" ORDER BY {', '.join(self.key)} LIMIT {ROWS_AT_ONCE}"

    def insert(self) -> str:
        """The statement that writes a row."""
        marks = ", ".join("?" * len(self.columns))
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({marks})"  # noqa: S608 - names of our schema

    def key_of(self, row: Row) -> tuple[Value, ...]:
        """The values of the primary key in `row`."""
        return tuple(row[self.columns.index(one)] for one in self.key)

    def select(self) -> str:
        """The statement for all rows."""
        return f"SELECT {', '.join(self.columns)} FROM {self.name}"  # noqa: S608 - names of our schema


class BackupFile:
    """An open backup, of the newest tables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.tables = tuple(_tables(connection))

    @property
    def taken_at(self) -> float:
        """When the backup was taken, UTC seconds by the store's clock. Raises `StoreFault` where it never ended."""
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (MARK,)).fetchone()
        if row is None:
            raise no_backup("it was never finished")
        return float(row[0])

    def pages(self, table: Table) -> Iterator[list[Row]]:
        """The rows of `table`, some at a time."""
        cursor = self._connection.execute(table.select())
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield rows

    def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Write rows."""
        self._connection.executemany(table.insert(), rows)

    def mark(self, taken_at: float) -> None:
        """The last thing that is written: when the backup was taken."""
        self._connection.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (MARK, repr(taken_at)),
        )


@contextmanager
def new_backup(path: str) -> Iterator[BackupFile]:
    """An empty backup to fill. It appears under `path`, mode 0600 and on disk, when the block ends well.

    Raises `StoreFault`: code `exists` when something is there already, and for a folder or disk that cannot be used.
    """
    unfinished = f"{path}.{os.getpid()}.new"
    if os.path.lexists(path) or not private_files.create(unfinished):
        raise StoreFault(f"{path} exists already.", hint="Name a new file for the backup.", code="exists")
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # it is flushed below, before it gets its name
            connection.execute("PRAGMA journal_mode = OFF")
            _migrate(connection, range(len(MIGRATIONS)))
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute("BEGIN")
            yield BackupFile(connection)
            connection.execute("COMMIT")
        private_files.finish(unfinished, path)
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
        if isinstance(error, sqlite3.Error):
            raise StoreFault(
                f"the backup {path} cannot be written: {error}.",
                hint="Is the disk full?",
                code="unusable_file",
            ) from None
        raise


@contextmanager
def open_backup(path: str) -> Iterator[BackupFile]:
    """A backup to read, after its form and every page of it were checked.

    Raises `StoreFault`: code `no_backup` for a file that is none, `damaged` for one with broken pages, `schema` for
    one with tables of another version of authrecord.
    """
    _refuse_other_files(path)
    try:
        with closing(sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            version = _version(connection)
            if connection.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]:
                raise damaged(path)
            if version == len(MIGRATIONS):
                yield BackupFile(connection)
                return
            with closing(sqlite3.connect("", isolation_level=None)) as copy:  # SQLite's own temporary file
                connection.backup(copy)
                _migrate(copy, range(version, len(MIGRATIONS)))
                yield BackupFile(copy)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise StoreFault(f"{path} cannot be read: {error}.", code="unusable_file") from None
        raise damaged(path) from None


def tables() -> tuple[Table, ...]:
    """Every table of the newest schema beside `meta`, in the order in which they are made."""
    with closing(sqlite3.connect(":memory:")) as connection:
        _migrate(connection, range(len(MIGRATIONS)))
        return tuple(_tables(connection))


def no_backup(why: str) -> StoreFault:
    """The fault of a file that is no backup."""
    return StoreFault(
        f"this is no backup of authrecord: {why}.",
        hint="Name a file that `authrecord backup` wrote.",
        code="no_backup",
    )


def damaged(path: str) -> StoreFault:
    """The fault of a backup that was changed or cut since it was written."""
    return StoreFault(f"the backup {path} is damaged.", hint="Take another copy of it.", code="damaged")


def _refuse_other_files(path: str) -> None:
    try:
        with open(path, "rb") as file:
            header = file.read(100)
    except OSError as error:
        raise private_files.unusable(path, error) from None
    if len(header) < 100 or header[:16] != b"SQLite format 3\0":
        raise no_backup("it is no SQLite file")
    if header[18] == _WAL:
        raise no_backup("it is a store in use, whose newest rows stand in another file")
    if int.from_bytes(header[68:72], "big") != APPLICATION:
        raise no_backup("another program wrote it")


def _version(connection: sqlite3.Connection) -> int:
    """The version of the tables. Their definitions must be ours to the letter: a view or trigger would run code."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    newest = len(MIGRATIONS)
    if not 1 <= version <= newest:
        raise StoreFault(
            f"the backup has tables of version {version}, and this authrecord knows {newest} at most.",
            hint="Restore it with the authrecord that wrote it, or a newer one.",
            code="schema",
        )
    with closing(sqlite3.connect(":memory:")) as fresh:
        _migrate(fresh, range(version))
        if _definitions(connection) != _definitions(fresh):
            raise no_backup("its tables are not authrecord's")
    return int(version)


def _definitions(connection: sqlite3.Connection) -> list[Row]:
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()


def _migrate(connection: sqlite3.Connection, steps: range) -> None:
    for step in steps:
        connection.executescript(MIGRATIONS[step].text.format(**TYPES))
    connection.execute(f"PRAGMA user_version = {steps.stop:d}")


def _tables(connection: sqlite3.Connection) -> Iterator[Table]:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'meta' ORDER BY rowid"
    )
    for (name,) in names.fetchall():
        columns = connection.execute(
            "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", (name,)
        ).fetchall()
        key = sorted((pk, column) for column, pk in columns if pk)
        yield Table(name, tuple(column for column, _ in columns), tuple(column for _, column in key))
