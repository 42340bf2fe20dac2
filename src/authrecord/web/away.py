"""While the database does not answer: who was let in a moment ago still gets live tokens, and each is told later.

What the database said within the last minute counts, of the caller's API token and of the record; the token is the one
in memory. The entry of the audit log is on this server's own disk before anything leaves (attack rows N13, K9). A
thread looks once a second whether the database is back, and then writes into the log what waited.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from ..core.errors import AuthrecordError, TryLater
from ..stores.spool_file import SpoolFile, left_behind
from ..stores.sql.audit_spool_telling import TakenOver, tell

if TYPE_CHECKING:
    from ..stores.sql.audit_spool import AuditSpool
    from ..stores.sql.backend import Backend
    from ..stores.sql.vault import Vault

PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
"""Seconds between two looks. The longer one: where the database answers and cannot be written."""

END_SECONDS: Final = 3.0

log = logging.getLogger("authrecord")

T = TypeVar("T")


class Away:
    """Knows whether the database answers, and sees to it that what waited in `spool` is told. Safe for threads."""

    def __init__(self, backend: Backend, vault: Vault, spool: AuditSpool) -> None:
        self.is_away = False
        self._backend = backend
        self._vault = vault
        self._spool = spool
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._ended = False
        self._taken: list[SpoolFile] = []
        self._in_taken = 0

    def begin(self) -> None:
        """The server begins: tell what servers of this machine left behind that are no more."""
        with self._lock:
            self._start(at_once=True)

    def end(self) -> None:
        """The server ends. What still waits is told at the next start."""
        self._ended = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(END_SECONDS)
        self._spool.close()
        self._let_go()

    @property
    def waiting(self) -> int:
        """How many entries wait to be told: those of this server, and those that it has taken over."""
        return self._spool.waiting + self._in_taken

    def either(self, ask: Callable[[], T], remember: Callable[[], T | None]) -> T:
        """What `ask` says; while the database does not answer what `remember` says, unless that is `None`.

        Raises what `ask` raises.
        """
        if self.is_away and (known := remember()) is not None:
            return known
        try:
            return ask()
        except TryLater as error:
            if not self._concerns(error) or (known := remember()) is None:
                raise
            return known

    def _concerns(self, error: TryLater) -> bool:
        """Whether `error` is that of a database that is away; many who wait for one use up its connections."""
        if error.code == "store_away":
            with self._lock:
                if not self.is_away:
                    log.warning(
                        "%s Who was let in within the last minute still gets live tokens.", error.message
                    )
                self.is_away = True
                self._start(at_once=False)
        return self.is_away and error.code in {"store_away", "store_busy"}

    def _start(self, *, at_once: bool) -> None:
        if self._thread is None and not self._ended:
            self._thread = threading.Thread(
                target=self._run, args=(at_once,), name="authrecord-away", daemon=True
            )
            self._thread.start()

    def _run(self, at_once: bool) -> None:
        pause = 0.0 if at_once else PAUSE
        while not self._ended:
            self._wake.wait(pause)
            try:
                self._look()
            except (AuthrecordError, OSError) as error:
                log.debug("what waits to be told in the audit log still waits: %s", error)
                pause = PAUSE if self.is_away else min(max(pause, PAUSE) * 2, LONGEST_PAUSE)
                continue
            pause = LONGEST_PAUSE  # for what is left because it was changed
            with self._lock:
                if not self.is_away and not self._spool.waiting:
                    self._thread = None
                    return

    def _look(self) -> None:
        """Whether the database is back, and then whatever waits. Raises what the database and the disk raise."""
        if not self._taken:
            self._taken = left_behind(self._spool.folder)
            self._in_taken = sum(file.lines().count(b"\n") for file in self._taken)
        if not (self.is_away or self._taken or self._spool.waiting):
            return
        with self._backend.reading() as transaction:
            transaction.now()
        self.is_away = False
        waited = self.waiting
        left = tell(self._backend, self._vault, self._spool)
        left += sum(tell(self._backend, self._vault, TakenOver(file)) for file in self._taken)
        self._let_go()
        if waited > left:
            log.info("%d entries that waited for the database are in the audit log", waited - left)
        if left:
            log.warning(
                "%d entries in %s are of another store, or were changed; they stay there",
                left,
                self._spool.folder,
            )

    def _let_go(self) -> None:
        for file in self._taken:
            file.close()
        self._taken, self._in_taken = [], 0
