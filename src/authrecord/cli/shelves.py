"""Where `add`, `edit` and `remove` put records: a document that a person wrote, or the store."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..core.errors import RecordFault
from ..documents import format_of, read, upsert
from ..record import Record
from .files import read_document, write_private

if TYPE_CHECKING:
    from ..keeper.ports import TokenKey
    from ..stores.remote.store import RemoteStore
    from ..stores.sql.store import SqlStore
    from ..wiring import Records, Settings, Source


class Shelf(Protocol):
    """A place for records. `kind`: `file` or `store`; `place`: which, for people."""

    kind: str
    place: str

    def find(self, name: str) -> Record:
        """The record of that name. Raises `RecordFault` when there is none."""
        ...

    def add(self, record: Record) -> None:
        """Put a new record. Raises `RecordFault` when its name is taken."""
        ...

    def refuse_taken(self, name: str) -> None:
        """Raises `RecordFault` when the name is taken: before somebody answers twenty questions."""
        ...

    def change(self, before: Record, after: Record) -> None:
        """Put `after` in the place of `before`, which `find` gave. A kept token goes on where it can."""
        ...

    def close(self) -> None:
        """Done."""
        ...


class DocumentShelf:
    """The document at `path`, which may be missing. Everything else in it stays as it is written."""

    kind = "file"

    def __init__(self, path: Path, settings: Settings, source: Source) -> None:
        self.place = str(path)
        self._path = path
        self._settings = settings
        self._source = source

    def find(self, name: str) -> Record:
        """See `Shelf.find`."""
        from ..wiring import unknown_record

        found = {record.name: record for record in self._records()}
        if name not in found:
            raise unknown_record(name, found, self.place)
        return found[name]

    def refuse_taken(self, name: str) -> None:
        """See `Shelf.refuse_taken`."""
        if any(record.name == name for record in self._records()):
            raise RecordFault(
                f"{self.place} holds a record {name!r} already.",
                hint=f"Change it with `authrecord edit {name}`.",
            )

    def add(self, record: Record) -> None:
        """See `Shelf.add`."""
        self.refuse_taken(record.name)
        self._write(record)

    def change(self, before: Record, after: Record) -> None:
        """See `Shelf.change`."""
        from ..keeper.naming import token_key

        self._write(after)
        self._carry(token_key(before), token_key(after))

    def close(self) -> None:
        """See `Shelf.close`."""

    def _carry(self, before: TokenKey, after: TokenKey) -> None:
        """Who changes where the credential may go, here, is the one whose token it is: it goes on."""
        import os

        from ..wiring import open_store

        path = self._source.store.path
        if before == after or before.digest != after.digest or (path and not os.path.lexists(path)):
            return
        with closing(open_store(self._settings, self._source.store)) as store:
            store.carry(before, after)

    def _records(self) -> tuple[Record, ...]:
        text = self._text()
        return read(text, format=format_of(self._path), source=self.place) if text.strip() else ()

    def _text(self) -> str:
        return read_document(self._path) if self._path.exists() else ""

    def _write(self, record: Record) -> None:
        written = upsert(self._text(), format=format_of(self._path), record=record, reveal=True)
        write_private(self._path, written.text)


class _Stored:
    """What a store on this machine and one at a server have in common. `told`: how messages call it."""

    kind = "store"

    def __init__(self, store: SqlStore | RemoteStore, place: str, told: str) -> None:
        self.place = place
        self._store = store
        self._told = told
        self._revision: int | None = None

    def find(self, name: str) -> Record:
        """See `Shelf.find`."""
        found = self._store.read(name)
        self._revision = found.revision
        return found.record

    def refuse_taken(self, name: str) -> None:
        """See `Shelf.refuse_taken`."""
        if self._store.holds(name):
            raise _taken(self._told, name)

    def add(self, record: Record) -> None:
        """See `Shelf.add`."""
        self._store.create(record)


class StoreShelf(_Stored):
    """The store."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(store, store.backend.place, "the store")
        self._own = store

    def change(self, before: Record, after: Record) -> None:
        """See `Shelf.change`. Raises `RecordFault` (code `stale`) when somebody changed it since `find`."""
        self._own.update(before.name, after, revision=self._revision, carry_token=True)

    def close(self) -> None:
        """See `Shelf.close`."""
        self._own.close()


class ServerShelf(_Stored):
    """The store at a server. A secret that it has stays there, and is not known here."""

    def __init__(self, records: Records, store: RemoteStore) -> None:
        super().__init__(store, store.place, "the server")
        self._records = records

    def change(self, before: Record, after: Record) -> None:
        """See `Shelf.change`. Raises `RecordFault` (code `stale`) when somebody changed it since `find`."""
        self._store.update(before.name, after, revision=self._revision)

    def close(self) -> None:
        """See `Shelf.close`."""
        self._records.close()


def _taken(place: str, name: str) -> RecordFault:
    return RecordFault(
        f"{place} holds a record {name!r} already.",
        hint=f"Change it with `authrecord edit {name}`.",
        code="exists",
    )


def open_shelf(settings: Settings, source: Source) -> Shelf:
    """The document or the store of `source`."""
    from ..stores.remote.store import RemoteStore
    from ..wiring import open_records, open_store

    if source.document is not None:
        return DocumentShelf(source.document, settings, source)
    if source.store.is_server:
        records = open_records(settings=settings)
        assert isinstance(records.store, RemoteStore)  # noqa: S101 - that is what a server's records have; states it
        return ServerShelf(records, records.store)
    return StoreShelf(open_store(settings, source.store))
