"""Records in a dictionary, for tests of the page that have no need of sealing. The real store has its own suite."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from secrets import token_hex

from authrecord.core.errors import RecordFault
from authrecord.documents.plain import mapping_of
from authrecord.core.secret import Secret
from authrecord.keeper.keeper import token_key
from authrecord.keeper.ports import Filter, Page, StoredRecord, Summary
from authrecord.record import OAuth2, Record
from authrecord.stores.memory import MemoryStore


def _secret_paths(value: object, path: str = "") -> Iterable[str]:
    if isinstance(value, Secret):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _secret_paths(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _secret_paths(item, f"{path}[{number}]")


class PlainStore(MemoryStore):
    """Implements `RecordStore` beside `TokenStore`, for one tenant."""

    def __init__(self) -> None:
        super().__init__(time)
        self.kept: dict[str, StoredRecord] = {}

    def read(self, name: str) -> StoredRecord:
        found = self.kept.get(name)
        if found is None:
            raise RecordFault("there is no record of that name.", field="name", code="unknown_record")
        return found

    def create(self, record: Record) -> StoredRecord:
        if record.name in self.kept:
            raise RecordFault("there is a record of that name.", field="name", code="exists")
        now = time.time()
        set_at = dict.fromkeys(_secret_paths(mapping_of(record)), now)
        self.kept[record.name] = StoredRecord(token_hex(8), 1, record, now, "t", now, "t", set_at)
        return self.kept[record.name]

    def update(self, name: str, record: Record, *, revision: int | None, **_: object) -> StoredRecord:
        old = self.read(name)
        if revision is not None and revision != old.revision:
            raise RecordFault("the record has changed meanwhile.", code="stale")
        del self.kept[name]
        now = time.time()
        set_at = dict.fromkeys(_secret_paths(mapping_of(record)), now)
        self.kept[record.name] = replace(
            old, revision=old.revision + 1, record=record, updated_at=now, secrets_set_at=set_at
        )
        return self.kept[record.name]

    def delete(self, name: str, *, revision: int | None = None) -> None:
        self.read(name)
        del self.kept[name]

    def page(self, filter: Filter, *, after: str = "", limit: int = 100) -> Page:
        names = [name for name in sorted(self.kept) if name > after and self._fits(name, filter)]
        lines = tuple(self._summary(name) for name in names[:limit])
        return Page(lines, names[limit - 1] if len(names) > limit else "")

    def names(self) -> Iterable[str]:
        return sorted(self.kept)

    def _fits(self, name: str, filter: Filter) -> bool:
        one = self._summary(name)
        return (
            name.startswith(filter.name)
            and (not filter.tag or filter.tag in one.tags)
            and (not filter.auth_type or filter.auth_type == one.auth_type)
            and (not filter.grant or filter.grant == one.grant)
            and (not filter.state or filter.state == one.state)
        )

    def _summary(self, name: str) -> Summary:
        stored = self.kept[name]
        record = stored.record
        auth = record.auth
        token = self.load(token_key(record)) if isinstance(auth, OAuth2) else None
        state = "static" if not isinstance(auth, OAuth2) else ("live" if token else "idle")
        return Summary(
            stored.identity, name, stored.revision, auth.type, auth.grant if isinstance(auth, OAuth2) else "",
            record.allowed_origins, record.tags, record.description, state, "",
            None if token is None else token.expires_at, None, stored.updated_at,
        )
