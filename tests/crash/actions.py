"""What happens to a process at a fault point. Runs inside the process that is to be hit."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from authrecord.core import faults

Case = Mapping[str, Any]


class Hit(Exception):
    """The exception that a fault point raises. No code of the store knows it."""


class Hook:
    """Notes every point that is passed, and acts at the `nth` passing of the one that the case names."""

    def __init__(self, case: Case, note: Callable[[str], None]) -> None:
        self._case = case
        self._note = note
        self._left = int(case.get("nth", 1))

    def __call__(self, name: str) -> None:
        """The point `name` is passed."""
        self._note(name)
        if name != self._case.get("point"):
            return
        self._left -= 1
        if self._left == 0:
            ACTIONS[self._case["action"]](self._case)


def install(case: Case, note: Callable[[str], None]) -> None:
    """Let the case happen in this process."""
    faults.install(Hook(case, note))


def remember_connections() -> list[sqlite3.Connection]:
    """All connections that SQLite opens from now on, for `disk_full`."""
    connect = sqlite3.connect

    def remembered(*arguments: Any, **options: Any) -> sqlite3.Connection:
        _opened.append(connect(*arguments, **options))
        return _opened[-1]

    setattr(sqlite3, "connect", remembered)  # noqa: B010 - a function of a library, in a process for this case only
    return _opened


_opened: list[sqlite3.Connection] = []


def _kill(case: Case) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise(case: Case) -> None:
    raise Hit(case["point"])


def _stop(case: Case) -> None:
    # To this thread, which stops here and all others with it: what is sent to the process is for its first thread, and
    # until that is woken this one would run on into the next transaction.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def _disk_full(case: Case) -> None:
    """Fill the file system that the store is on, to its last byte; without one of its own, cap the database."""
    if not case.get("small_disk"):
        for connection in _opened:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        return
    filler = os.open(case["small_disk"] + "/filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for size in (65536, 4096, 1):
            _fill(filler, size)
    finally:
        os.close(filler)


def _fill(filler: int, size: int) -> None:
    """Write until nothing of that size fits."""
    try:
        while True:
            os.write(filler, b"\xa5" * size)
    except OSError:
        return


def _gone(case: Case) -> None:
    """PostgreSQL: it takes no connections and ends those that are there. SQLite: its file is moved away."""
    if case["store"].startswith("postgresql:"):
        import psycopg

        with psycopg.connect(case["admin"], autocommit=True) as admin:
            name = case["database"]
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
        return
    path = case["store"].removeprefix("sqlite://")
    for name in (path, path + "-wal", path + "-shm"):
        if os.path.exists(name):
            os.rename(name, name + ".away")


ACTIONS: Final[Mapping[str, Callable[[Case], None]]] = {
    "kill": _kill,
    "raise": _raise,
    "stop": _stop,
    "disk_full": _disk_full,
    "gone": _gone,
}
