"""The records of a server as a mapping from names. One that was read is used again for some seconds."""

from __future__ import annotations

import threading
from typing import Final

from ...core.contracts import Clock
from ...core.errors import TryLater
from ...record import Record
from ..sql.mapping import StoredRecords
from .store import LOOK_SECONDS, RemoteStore

MOST_REMEMBERED: Final = 1000


class RemoteRecords(StoredRecords):
    """The records of `store`. While the server is away, what is known of a record goes on, as its live token does."""

    def __init__(self, store: RemoteStore, clock: Clock) -> None:
        super().__init__(store)
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Record]] = {}

    def __getitem__(self, name: str) -> Record:
        """The record of that name. Raises `RecordFault`, which names the nearest one, when there is none."""
        known = self._known.get(name)
        now = self._clock.monotonic()
        if known is not None and now - known[0] < LOOK_SECONDS:
            return known[1]
        try:
            found = super().__getitem__(name)
        except TryLater:
            if known is None:
                raise
            return known[1]
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[name] = (now, found)
        return found
