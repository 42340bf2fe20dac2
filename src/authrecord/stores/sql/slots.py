"""The evidence behind a claim on one machine: a lock of the operating system that dies with its holder.

Whoever gets the lock that a claim's row names knows that the row's holder is dead or done, and takes over at once
instead of waiting for the end of its time. A holder that is merely stopped keeps its lock: once its time is over
the next one takes over under another lock (another slot), and the stopped one is fenced off when it wakes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Final

from ..forking import watch
from ..locks import FileLock, try_lock
from ..private_files import unusable

SLOTS: Final = 8
"""How many holders of one token may be stopped at the same time before the next one has to wait for them."""


class Slots:
    """The locks that this process holds. `folder`: where the lock files are, made by the backend."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._mutex = threading.Lock()
        self._held: dict[str, tuple[FileLock, float]] = {}
        watch(self)

    def take(self, name: str, slots: Iterable[int]) -> tuple[FileLock, int] | None:
        """The first of `slots` that is free, locked; `None` when none is. Raises `StoreFault`."""
        base = os.path.join(self._folder, name)
        try:
            for slot in slots:
                lock = try_lock(f"{base}.{slot}")
                if lock is not None:
                    return lock, slot
        except OSError as error:
            raise unusable(base, error) from None
        return None

    def keep(self, holder: str, lock: FileLock, until: float) -> None:
        """Hold `lock` for `holder`. `until`: when nobody needs it any more, by the clock of the claims."""
        with self._mutex:
            self._held[holder] = (lock, until)

    def give_back(self, holder: str) -> None:
        """Unlock, after the row was cleared. Twice is no fault."""
        with self._mutex:
            found = self._held.pop(holder, None)
        if found is not None:
            found[0].close()

    def drop_over(self, now: float) -> None:
        """Unlock this process's claims that are long over and were never given back."""
        with self._mutex:
            over = [holder for holder, (_, until) in self._held.items() if now >= until]
            locks = [self._held.pop(holder)[0] for holder in over]
        for lock in locks:
            lock.close()

    def close(self) -> None:
        """Give every lock back."""
        with self._mutex:
            held, self._held = self._held, {}
        for lock, _ in held.values():
            lock.close()

    def before_fork(self) -> None:
        """See `Forks`."""
        self._mutex.acquire()

    def after_fork_in_parent(self) -> None:
        """See `Forks`."""
        self._mutex.release()

    def after_fork_in_child(self) -> None:
        """See `Forks`. The parent's claims are not the child's: a copy of a lock would outlive the parent's death."""
        self._mutex = threading.Lock()
        self.close()
