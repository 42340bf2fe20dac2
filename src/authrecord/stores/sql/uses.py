"""When records were last used: written at most once a minute for each record and process, and never waited for.

A request notes the use of its record in memory; a thread of its own writes it down, and ends. What a process noted in
its last moments may be lost when it is killed: it is a time to look at, not a proof. That is the audit log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from ...core.errors import AuthrecordError
from ...core.faults import fault
from ..forking import watch
from .store import SqlStore

log = logging.getLogger("authrecord")

EVERY_SECONDS: Final = 60.0
MOST: Final = 10_000
"""Names that are remembered; beyond it all are forgotten, and some are written down once more."""


class Uses:
    """The uses of the records of `store`. Safe for threads and forks. `now`: a clock that never goes back."""

    def __init__(self, store: SqlStore, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._lock = threading.Lock()
        self._noted: dict[str, float] = {}
        self._waiting: set[str] = set()
        self._thread: threading.Thread | None = None
        watch(self)

    def note(self, name: str) -> None:
        """The record of that name is used. Returns at once, and raises nothing."""
        now = self._now()
        before = self._noted.get(name)
        if before is not None and now - before < EVERY_SECONDS:
            return
        with self._lock:
            if len(self._noted) >= MOST:
                self._noted.clear()
            self._noted[name] = now
            self._waiting.add(name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="authrecord-uses", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Write what is not written yet, now."""
        with self._lock:
            names, self._waiting = self._waiting, set()
        if names:
            self.write(names)

    def before_fork(self) -> None:
        """See `Forks`."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """See `Forks`."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """See `Forks`: the parent writes what it noted."""
        self._lock = threading.Lock()
        self._waiting = set()
        self._thread = None

    def _run(self) -> None:
        while True:
            with self._lock:
                names, self._waiting = self._waiting, set()
                if not names:
                    self._thread = None
                    return
            self.write(names)

    def write(self, names: set[str]) -> None:
        """Write down that the records of these names are used now. Raises nothing: it is a time to look at."""
        try:
            with self._store.backend.writing() as transaction:
                now, tenant = transaction.now(), self._store.tenant
                transaction.change_many(
                    "UPDATE records SET used_at = ? WHERE tenant = ? AND name = ? AND coalesce(used_at, 0) < ?",
                    [(now, tenant, name, now) for name in sorted(names)],
                )
                fault("uses.before_commit")
            fault("uses.after_commit")
        except AuthrecordError as error:
            log.debug("when records were used could not be written: %s", error)
