"""The records that a gateway's rules name: opened once, and again when they have changed.

All looks into the store happen here, in the thread that reads the rules. A request never waits for the database,
and one changed record of ten thousand costs one record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.errors import TryLater

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..keeper.authenticator import Authenticator
    from ..record import Record
    from ..wiring import Records

Mark = tuple[str, int] | None
"""Identity and revision of a stored record; `None` for one of a document, or one that is gone."""


@dataclass(slots=True)
class _Opened:
    mark: Mark
    record: Record
    authenticator: Authenticator | None = None


class OpenedRecords:
    """Over the records of a document or store."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self._opened: dict[str, _Opened] = {}
        self._marks: dict[str, Mark] = {}

    def record(self, name: str) -> Record:
        """The record of that name. Raises `RecordFault` when there is none, `TryLater` while the store is away."""
        return self._open(name).record

    def authenticator(self, name: str) -> Authenticator:
        """The same, ready to authenticate requests. Raises `RecordFault` for one without origins too."""
        opened = self._open(name)
        if opened.authenticator is None:
            opened.authenticator = self.records.keeper.authenticator(opened.record)
        return opened.authenticator

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget the others: these are what the rules name now."""
        wanted = set(names)
        self._opened = {name: opened for name, opened in self._opened.items() if name in wanted}
        self._marks = {name: opened.mark for name, opened in self._opened.items()}

    def marks(self) -> dict[str, Mark]:
        """What the store says of the records in use; while it is away, what it said last."""
        store = self.records.store
        if store is None or not self._opened:
            return self._marks
        try:
            self._marks = store.revisions_of(self._opened)
        except TryLater:
            return self._marks
        return self._marks

    def forget_changed(self, records: Records) -> None:
        """From now on `records` hold. What is the same in them stays open.

        Raises `TryLater` while the store is away: then nothing is forgotten.
        """
        store = records.store
        now = {} if store is None else store.revisions_of(self._opened)
        for name, opened in list(self._opened.items()):
            if store is not None:
                is_same = now[name] == opened.mark
            else:
                is_same = name in records and records[name] == opened.record
            if not is_same:
                del self._opened[name]
        self.records = records

    def _open(self, name: str) -> _Opened:
        opened = self._opened.get(name)
        if opened is None:
            store = self.records.store
            mark = (
                None if store is None else store.revision_of(name)
            )  # before the look: a change behind it shows
            opened = self._opened[name] = _Opened(mark, self.records[name])
        return opened
