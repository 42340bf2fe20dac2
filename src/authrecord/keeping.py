"""Floor 5, beside the wiring: keeps the tokens of a whole store alive, ahead of need, with other workers or alone.

The law of this room: it takes what is due from the store and renews it through the keeper, as a request would. It
holds nothing per record, so that a hundred thousand cost it no more than ten, and it only ends between two renewals.
"""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final

from .core.errors import AuthrecordError
from .keeper.naming import token_key

if TYPE_CHECKING:
    from .keeper.keeper import Keeper
    from .stores.sql.store import SqlStore

log = logging.getLogger("authrecord")

WORKERS: Final = 8
LONGEST_PAUSE: Final = 5.0
"""Seconds after which a worker looks again, although nothing was due: another program may have written."""

TROUBLE_PAUSE: Final = 2.0
"""Seconds before a store that did not answer is asked again."""


class Keeping:
    """Renews what is due in `store`, `workers` at a time, until `stop` is set."""

    def __init__(self, store: SqlStore, keeper: Keeper, *, workers: int = WORKERS) -> None:
        self.stop = threading.Event()
        self.renewed = 0
        self.failed = 0
        self._store = store
        self._keeper = keeper
        self._workers = workers
        self._name = f"{store.actor}#{os.getpid()}"
        self._count = threading.Lock()

    def run(self, *, once: bool = False) -> None:
        """Renew until `stop` is set; with `once`, what is due now. What was begun is finished (attack row K12)."""
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="authrecord-keep") as pool:
            while not self.stop.is_set():
                names = self._taken(self._workers - len(running))
                running |= {pool.submit(self._renew, name) for name in names}
                if not names and not running:
                    if once:
                        return
                    self.stop.wait(self._pause())
                elif len(running) >= self._workers or not names:
                    _, running = wait(running, timeout=LONGEST_PAUSE, return_when="FIRST_COMPLETED")

    def _taken(self, limit: int) -> list[str]:
        from .stores.sql.keeping import take_due

        try:
            return take_due(self._store, worker=self._name, limit=limit)
        except AuthrecordError as error:
            log.warning("what is due could not be read: %s", error)
            self.stop.wait(TROUBLE_PAUSE)
            return []

    def _renew(self, name: str) -> None:
        try:
            record = self._store.read(name).record
            held = self._store.load(token_key(record))
            if held is not None:
                self._keeper.renew(record, held)
        except AuthrecordError as error:
            log.warning("record %s was not renewed: %s", name, error)
            with self._count:
                self.failed += 1
            return
        with self._count:
            self.renewed += 1

    def _pause(self) -> float:
        from .stores.sql.keeping import seconds_until_due

        try:
            return max(0.05, seconds_until_due(self._store, LONGEST_PAUSE))
        except AuthrecordError:
            return TROUBLE_PAUSE
