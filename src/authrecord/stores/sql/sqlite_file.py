"""A SQLite file, opened safely: what is checked before a byte is written, and what its errors mean.

The file has mode 0600, is no link, and lies in a folder that nobody else can write to (K14), on a file system of
this machine (K8). Beside it lies 1 MiB of ballast, given back when the disk is full just after a provider has
handed out a new refresh token (K5).
"""

from __future__ import annotations

import os
import sqlite3
from typing import Final

from ...core.errors import AuthrecordError, StoreFault, TryLater
from ..locks import locked
from ..mounts import mounted, network_file_system, real_folder
from ..private_files import create, make_folder, refuse_unsafe, unusable

BUSY_SECONDS: Final = 5.0
"""How long a transaction waits for another process's transaction (K7)."""

BALLAST_BYTES: Final = 1024 * 1024


def open_file(path: str) -> sqlite3.Connection:
    """A connection to the file at `path` (absolute), which is made if it is not there. Raises `StoreFault`."""
    folder = os.path.dirname(path)
    make_folder(folder)
    refuse_unsafe(path)
    _refuse_network(path)
    try:
        with locked(path + ".lock"):
            create(path)
            refuse_unsafe(path)
            connection = connect(path)
            try:
                _prepare(connection, path)
            except BaseException:
                connection.close()
                raise
            _lay_ballast(path)
            return connection
    except OSError as error:
        raise unusable(path, error) from None


def connect(path: str) -> sqlite3.Connection:
    """A connection for all threads of this process, without transactions of its own."""
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def identity(path: str) -> tuple[int, int]:
    """What tells this file from another one that takes its place. Raises `StoreFault`."""
    try:
        state = os.stat(path)
    except OSError as error:
        raise unusable(path, error) from None
    return state.st_dev, state.st_ino


def drop_ballast(path: str) -> bool:
    """Give the ballast's space back to the file system; `False` when there was none."""
    try:
        os.unlink(_ballast(path))
    except OSError:
        return False
    return True


def fault_of(error: sqlite3.Error, path: str) -> AuthrecordError:
    """What an error of SQLite means for the caller. The text holds no value of a row."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TryLater(
            f"{path} is held by another process.", code="store_busy", hint="Try again in a moment."
        )
    for beginning, code, what, hint in _MEANINGS:
        if name.startswith(beginning):
            return StoreFault(f"{path} {what}.", hint=hint, code=code)
    return StoreFault(f"{path} cannot be used ({name}).", hint="Check the disk.", code="store")


_MEANINGS: Final = (
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
    ("SQLITE_NOTADB", "corrupt", "is not a database", "Bring it back from a backup, or delete it."),
    ("SQLITE_CORRUPT", "corrupt", "is damaged", "Bring it back from a backup, or delete it."),
)


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    """Refuse what is not ours before anything is written; a new file gets a write-ahead log."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "meta" not in tables:
        raise StoreFault(
            f"{path} holds tables that authrecord did not make.", hint="Name another file.", code="schema"
        )
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON").fetchone()


def _refuse_network(path: str) -> None:
    kind = network_file_system(real_folder(path), mounted())
    if kind:
        raise StoreFault(
            f"{path} is on a network file system ({kind}), where SQLite loses data.",
            hint="Keep it on a disk of this machine; several machines share a PostgreSQL.",
            code="network_file_system",
        )


def _ballast(path: str) -> str:
    return path + ".ballast"


def _lay_ballast(path: str) -> None:
    """Hold a mebibyte of real disk space; a disk that has no room for it is no reason not to open the store."""
    ballast = _ballast(path)
    if os.path.lexists(ballast):
        return
    unfinished = f"{ballast}.{os.getpid()}.new"
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, b"\xa5" * BALLAST_BYTES)  # not zeros: a file system may store none for those
        finally:
            os.close(descriptor)
        os.replace(unfinished, ballast)
    except OSError:
        if os.path.lexists(unfinished):
            os.unlink(unfinished)
