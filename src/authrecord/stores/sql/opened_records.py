"""Records that were opened a moment ago, for whoever hands out tokens of the same record again and again.

To open a record is to open its seals and to read its text anew: milliseconds. What was opened is used again while
the row beside it is the same, and is opened anew after a minute all the same, so that a seal that was changed in the
database does not go unnoticed (attack rows L4 to L6).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from ...keeper.naming import token_key
from ...keeper.ports import RecordStore, StoredRecord, TokenKey
from ...record import OAuth2
from .backend import Backend
from .remembering import Remembering

OPENED_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A record, opened. `key`: of its token, `None` where it obtains none.

    `token_at`: when the token that the store holds was obtained (UTC seconds), `None` when it holds none.
    """

    stored: StoredRecord
    key: TokenKey | None = field(repr=False)
    token_at: float | None
    row: tuple[str, int, str] = field(repr=False)
    opened_at: float


class OpenedRecords:
    """The opened records of all tenants of a store. `now`: a clock that never goes back."""

    def __init__(self, backend: Backend, now: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._now = now
        self._opened: Remembering[tuple[str, str], Opened] = Remembering(backend, now)

    def peek(self, tenant: str, name: str) -> Opened | None:
        """The record, if nothing was written since it was read. Waits for nothing."""
        return self._opened.peek((tenant, name))

    def recent(self, tenant: str, name: str) -> Opened | None:
        """The record as it was within the last minute, for whom the database does not answer now."""
        return self._opened.recent((tenant, name))

    def end(self, tenant: str, name: str) -> None:
        """This process has changed or deleted the record."""
        self._opened.end((tenant, name))

    def read(self, records: RecordStore, tenant: str, name: str) -> Opened:
        """The record as it is now. `records`: those of the tenant. Raises as `RecordStore.read` does."""
        place = (tenant, name)
        began = self._opened.begin()
        known = self._opened.last(place)
        with self._backend.reading() as transaction:
            found = transaction.row(
                "SELECT id, revision, config, (SELECT obtained_at FROM tokens WHERE tokens.tenant = records.tenant"
                " AND tokens.name = records.name AND tokens.lookup = records.lookup)"
                " FROM records WHERE tenant = ? AND name = ?",
                place,
            )
        if found is None:
            self._opened.drop(place)
            stored = records.read(name)  # says that there is none, unless it was made in this moment
            return self._of(stored, ("", 0, ""), None)
        row, token_at = (str(found[0]), int(found[1]), str(found[2])), found[3]
        if known is not None and known.row == row and self._now() - known.opened_at < OPENED_SECONDS:
            opened = replace(known, token_at=token_at)
        else:
            opened = self._of(records.read(name), row, token_at)
        self._opened.put(place, opened, began)
        return opened

    def _of(self, stored: StoredRecord, row: tuple[str, int, str], token_at: float | None) -> Opened:
        key = token_key(stored.record) if isinstance(stored.record.auth, OAuth2) else None
        return Opened(stored, key, token_at, row, self._now())
