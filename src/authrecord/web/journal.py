"""The audit log as the page and the API use it. What is not written does not happen (attack row N13).

While the database does not answer, what is handed out from memory is written into a spool on this server's disk first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..core.errors import TryLater
from ..core.faults import fault
from ..stores.sql.audit import COLUMNS, Entry, Line, append, line_of
from ..stores.sql.audit_listing import Act, Unreadable, Wanted, acts, lines
from .rights import Caller

if TYPE_CHECKING:
    from ..stores.sql.audit_spool import AuditSpool
    from ..stores.sql.backend import Backend
    from ..stores.sql.vault import Vault

RELEASE_SECONDS: Final = 60.0
"""Releases of one record to one caller are told once a minute, with their count: a hot path writes no row each."""

MOST_ACTS: Final = 10_000
"""Acts that a page of the list draws."""

MOST_COUNTED: Final = 10_000

__all__ = ["Act", "Entry", "Journal", "Line", "Wanted"]


@dataclass(slots=True)
class _Counted:
    entry: Entry
    since: float
    count: int


class Journal:
    """Writes and reads the audit log of every tenant. `now`: a clock that never goes back."""

    def __init__(self, backend: Backend, vault: Vault, spool: AuditSpool, now: Callable[[], float]) -> None:
        self._backend = backend
        self._vault = vault
        self._spool = spool
        self._now = now
        self._lock = threading.Lock()
        self._released: dict[tuple[str, str, str, str], _Counted] = {}

    def note(self, caller: Caller, *entries: Entry) -> None:
        """Write rows. Raises `StoreFault` or `TryLater` when they cannot be written: then the act must not go on."""
        self._append(caller.tenant, caller.actor, entries)

    def release(
        self, caller: Caller, action: str, *, record: str, name: str, origin: str, apart: bool = False
    ) -> None:
        """A credential is about to leave for `caller`: told before it does, as `often` does."""
        entry = Entry(action=action, outcome="ok", record=record, name=name, origin=origin)
        self.often(caller, entry, used=record, apart=apart)

    def often(self, caller: Caller, entry: Entry, *, used: str = "", apart: bool = False) -> None:
        """One row for what may come many times: told before it happens the first time in each minute.

        Raises as `note` does. What came after the first is told with its count when the minute is over. `used`: the
        identity of the record that is used by it. `apart`: into the spool, since the database does not answer; that
        raises `StoreFault` (`spool_full`, `spool_unusable`).
        """
        if self.counted(
            caller, entry.action, outcome=entry.outcome, record=entry.record, origin=entry.origin
        ):
            return
        key, now = _key(caller, entry.action, entry.outcome, entry.record, entry.origin), self._now()
        with self._lock:
            counted = self._released.get(key)
        told = [entry] if counted is None or counted.count == 0 else [_summed(counted), entry]
        if apart:
            self._spool.keep(caller.tenant, caller.actor, told)
        else:
            self._append(caller.tenant, caller.actor, told, used=used)
        with self._lock:
            if len(self._released) >= MOST_COUNTED:
                self._released.clear()
            self._released[key] = _Counted(entry, now, 0)

    def counted(self, caller: Caller, action: str, *, record: str, origin: str, outcome: str = "ok") -> bool:
        """Count what was told of within this minute; `False` when it must be told first. Does no I/O."""
        with self._lock:
            found = self._released.get(_key(caller, action, outcome, record, origin))
            if found is None or self._now() - found.since >= RELEASE_SECONDS:
                return False
            found.count += 1
            return True

    def flush(self) -> None:
        """Tell what was counted and not yet told. For the end of the process; the database may be away then."""
        with self._lock:
            counted, self._released = self._released, {}
        for (tenant, actor, _, _), one in counted.items():
            if not one.count:
                continue
            try:
                self._append(tenant, actor, [_summed(one)])
            except TryLater:
                self._spool.keep(tenant, actor, [_summed(one)])

    def read(self, tenant: str, wanted: Wanted) -> list[Line]:
        """The rows that fit, oldest first; what somebody else has written there is left out."""
        with self._backend.reading() as transaction:
            return [line for line in lines(transaction, tenant, wanted) if not isinstance(line, Unreadable)]

    def acts(
        self, tenant: str, names: Sequence[str], actions: Collection[str], *, since: float
    ) -> dict[str, list[Act]]:
        """What happened to each of `names`, see `audit_listing.acts`."""
        with self._backend.reading() as transaction:
            return acts(transaction, tenant, names, actions, since=since, most=MOST_ACTS)

    def page(self, tenant: str, *, name: str, after: int, limit: int) -> list[Line]:
        """Up to `limit` rows after number `after`, oldest first; of the record of that name or identity, if given."""
        where = " AND (name = ? OR record = ?)" if name else ""
        with self._backend.reading() as transaction:
            rows = transaction.rows(
                f"SELECT {COLUMNS} FROM audit WHERE tenant = ? AND seq > ?{where} ORDER BY seq LIMIT ?",  # noqa: S608 - put together of constants
                (tenant, after, *((name, name) if name else ()), limit),
            )
        return [line_of(tenant, row) for row in rows]

    def _append(self, tenant: str, actor: str, entries: Sequence[Entry], *, used: str = "") -> None:
        """Write rows, and when the record of identity `used` was used last."""
        with self._backend.writing() as transaction:
            if used:
                transaction.change(
                    "UPDATE records SET used_at = ? WHERE tenant = ? AND id = ?",
                    (transaction.now(), tenant, used),
                )
            for entry in entries:
                append(transaction, self._vault, tenant, actor, entry)
            fault("journal.before_commit")
        fault("journal.after_commit")


def _key(caller: Caller, action: str, outcome: str, record: str, origin: str) -> tuple[str, str, str, str]:
    return (caller.tenant, caller.actor, f"{action}/{outcome}/{record}", origin)


def _summed(counted: _Counted) -> Entry:
    first = counted.entry
    return Entry(
        action=first.action,
        outcome=first.outcome,
        record=first.record,
        name=first.name,
        origin=first.origin,
        detail=f"{counted.count} more within a minute",
    )
