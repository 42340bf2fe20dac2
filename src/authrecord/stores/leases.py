"""Who may renew which token on this machine: a row in the database, and an OS lock that dies with its holder.

The row is the truth and is only changed in a short transaction; the lock is the evidence. Whoever gets the lock
that the row names knows that the row's holder is dead or done, and takes over at once. A holder that is merely
stopped keeps its lock: once its time is over the next one takes over under another lock (another slot), and the
stopped one is fenced off when it wakes. Time is monotonic: that clock is one for all processes of a machine and
stands still in a suspend, as the holder does; a wall clock that jumps must not make two renewals out of one.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import weakref
from dataclasses import dataclass
from typing import Final

from ..keeper.ports import TokenKey
from .database import Database
from .locks import FileLock, try_lock
from .private_files import make_folder, unusable
from .sealing import Random, packed

SLOTS: Final = 8
"""How many holders of one token may be stopped at the same time before the next one has to wait for them."""


@dataclass(frozen=True, slots=True)
class _Lease:
    """The row of one key: `epoch` is new after each `forget`, `holder` is empty when nobody holds it."""

    epoch: str
    holder: str
    slot: int
    until: float

    def is_over(self, now: float) -> bool:
        """True at or after its end. After a restart of the machine, when time began again, the lock tells."""
        return now >= self.until


class Leases:
    """The leases in one database. `folder` holds the lock files."""

    def __init__(self, database: Database, folder: str, random: Random) -> None:
        self._database = database
        self._folder = folder
        self._random = random
        self._mutex = threading.Lock()
        self._held: dict[str, tuple[FileLock, float]] = {}
        make_folder(folder)
        _all_leases.add(self)

    def take(self, key: TokenKey, now: float, seconds: float) -> str | None:
        """A new holder's name, or `None` while another holds it. `now`: monotonic seconds. Raises `StoreFault`."""
        self._drop_dead(now)
        found = self._take_lock(key, now)
        if found is None:
            return None
        lock, slot = found
        holder: str | None = None
        try:
            holder = self._write(key, slot, now, seconds)
        finally:
            if holder is None:
                lock.close()
        if holder is not None:
            with self._mutex:
                self._held[holder] = (lock, now + seconds)
        return holder

    def stands(self, connection: sqlite3.Connection, key: TokenKey, holder: str) -> bool:
        """True unless the key was forgotten since `holder` took it. Called inside a transaction."""
        lease = _read(connection, key)
        return lease is not None and lease.epoch == holder.partition(".")[0]

    def clear(self, connection: sqlite3.Connection, key: TokenKey, holder: str) -> None:
        """Take `holder` out of the row, if it is still in it. Called inside a transaction."""
        connection.execute(
            "UPDATE claims SET holder = '' WHERE name = ? AND digest = ? AND holder = ?",
            (key.name, key.digest, holder),
        )

    def unlock(self, holder: str) -> None:
        """Give the OS lock back, after the row was cleared."""
        with self._mutex:
            found = self._held.pop(holder, None)
        if found is not None:
            found[0].close()

    def close(self) -> None:
        """Give every OS lock back. Also right in a forked child, where it closes copies only."""
        self._mutex = threading.Lock()
        held, self._held = self._held, {}
        for lock, _ in held.values():
            lock.close()

    def _take_lock(self, key: TokenKey, now: float) -> tuple[FileLock, int] | None:
        with self._database.reading() as connection:
            lease = _read(connection, key)
        occupied = lease is not None and bool(lease.holder) and not lease.is_over(now)
        slots = (lease.slot,) if lease is not None and occupied else range(SLOTS)
        base = os.path.join(self._folder, _file_name(key))
        try:
            for slot in slots:
                lock = try_lock(f"{base}.{slot}")
                if lock is not None:
                    return lock, slot
        except OSError as error:
            raise unusable(base, error) from None
        return None

    def _write(self, key: TokenKey, slot: int, now: float, seconds: float) -> str | None:
        """Put a new holder into the row, unless another one who may be alive got there first."""
        with self._database.writing() as connection:
            lease = _read(connection, key)
            if lease is not None and lease.holder and lease.slot != slot and not lease.is_over(now):
                return None
            epoch = lease.epoch if lease is not None else self._random(8).hex()
            holder = f"{epoch}.{self._random(16).hex()}"
            connection.execute(
                "INSERT OR REPLACE INTO claims (name, digest, epoch, holder, slot, until)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (key.name, key.digest, epoch, holder, slot, now + seconds),
            )
            return holder

    def _drop_dead(self, now: float) -> None:
        """Close the locks of this process's claims that are long over and were never given back."""
        with self._mutex:
            over = [holder for holder, (_, until) in self._held.items() if now >= until]
            locks = [self._held.pop(holder)[0] for holder in over]
        for lock in locks:
            lock.close()


def _read(connection: sqlite3.Connection, key: TokenKey) -> _Lease | None:
    row = connection.execute(
        "SELECT epoch, holder, slot, until FROM claims WHERE name = ? AND digest = ?",
        (key.name, key.digest),
    ).fetchone()
    return None if row is None else _Lease(*row)


def _file_name(key: TokenKey) -> str:
    return hashlib.sha256(packed(key.name.encode("utf-8", "surrogatepass"), key.digest.encode())).hexdigest()[
        :32
    ]


_all_leases: weakref.WeakSet[Leases] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    """The parent's claims are not the child's: let go of the copies, or the parent's death would free nothing."""
    for leases in list(_all_leases):
        leases.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
