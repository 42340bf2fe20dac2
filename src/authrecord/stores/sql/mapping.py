"""The records of a store as a mapping from names, read when they are asked for and never all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from ...core.errors import RecordFault
from ...keeper.ports import Filter, RecordStore, StoredRecord
from ...record import Record

MOST_NAMED: Final = 200
"""Names that are looked at for a near one, or shown, when a name is unknown."""


class Shelved(RecordStore, Protocol):
    """A store of records that counts them."""

    def holds(self, name: str) -> bool:
        """Whether there is a record of that name."""
        ...

    def count(self) -> int:
        """How many there are."""
        ...


class StoredRecords(Mapping[str, Record]):
    """The records of `store`. Its length counts them all."""

    def __init__(self, store: Shelved) -> None:
        self._store = store

    def __getitem__(self, name: str) -> Record:
        """The record of that name. Raises `RecordFault`, which names the nearest one, when there is none."""
        try:
            return self._read(name).record
        except RecordFault as fault:
            if fault.code != "unknown_record":
                raise
            unknown = fault
        unknown.hint = self._hint(name)
        raise unknown

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.names())

    def __len__(self) -> int:
        return self._store.count()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._store.holds(name)

    def _read(self, name: str) -> StoredRecord:
        return self._store.read(name)

    def _hint(self, name: str) -> str:
        from difflib import get_close_matches

        page = self._store.page(Filter(name=name[:1]), limit=MOST_NAMED) if name else None
        near = get_close_matches(name, [line.name for line in page.lines] if page is not None else [], n=1)
        return f"Did you mean {near[0]!r}?" if near else "See `authrecord list`."
