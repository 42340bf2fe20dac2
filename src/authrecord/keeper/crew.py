"""Threads for renewals: one of its own for each, and in a process that stays a few that wait for the next renewal.

Neither is a daemon: the interpreter waits at its end for a renewal that is under way, and for nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Work: TypeAlias = Callable[[], None]
Start: TypeAlias = Callable[[str, Work], None]
"""Runs the work in another thread; given the name of the record. Returns at once."""

RENEWAL_THREAD: Final = "authrecord-renewal-"
"""How a thread is named in which a renewal runs, before the record's name."""

WAITING_THREAD: Final = "authrecord-waiting"

KEPT_THREADS: Final = 4


def start_alone(name: str, work: Work) -> None:
    """Implements `Start` by a thread of its own."""
    threading.Thread(target=work, name=RENEWAL_THREAD + name).start()


class Crew:
    """Up to `most` threads that stay. A renewal that finds none of them free gets a thread of its own: none waits.

    A kept thread is running and warm where a new one is neither, which is a millisecond or more of a renewal.
    For a process of our own that goes on for long: a library's user who forks is warned of each thread.
    """

    def __init__(self, most: int = KEPT_THREADS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._busy = 0
        self._pool: ThreadPoolExecutor | None = None

    def start(self, name: str, work: Work) -> None:
        """Implements `Start`."""
        if not self._is_taken(name, work):
            start_alone(name, work)

    @property
    def busy(self) -> int:
        """How many of the kept threads renew now."""
        return self._busy

    def close(self) -> None:
        """Let the threads go once they are free. What is begun goes on; what is begun later has its own thread."""
        with self._lock:
            pool, self._pool, self._most = self._pool, None, 0
        if pool is not None:
            pool.shutdown(wait=False)

    def reset_after_fork(self) -> None:
        """In a forked child: none of the parent's threads is here, and its lock may be held for ever."""
        self._lock = threading.Lock()
        self._busy = 0
        self._pool = None

    def _is_taken(self, name: str, work: Work) -> bool:
        if not threading.main_thread().is_alive():
            return False  # the interpreter ends, and with it the pool
        with self._lock:
            if self._busy >= self._most:
                return False
            self._busy += 1
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor

                self._pool = ThreadPoolExecutor(self._most, WAITING_THREAD)
            self._pool.submit(self._run, name, work)
        return True

    def _run(self, name: str, work: Work) -> None:
        thread = threading.current_thread()
        waiting, thread.name = thread.name, RENEWAL_THREAD + name
        try:
            work()
        finally:
            thread.name = waiting
            with self._lock:
                self._busy -= 1
