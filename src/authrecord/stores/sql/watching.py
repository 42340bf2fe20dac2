"""What a watcher wants to know of a store: counts for gauges, and whether it can do its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...core.faults import fault
from .audit import Entry, Keyed, append
from .backend import Backend
from .restored import refuse_restored

LATE_SECONDS: Final = 60.0
"""A renewal is overdue when it was due so long ago."""

_SEALED: Final = ("secrets", "tokens", "entries", "logins")


@dataclass(frozen=True, slots=True)
class Counts:
    """One moment of a tenant.

    `states`: how many records are in each state. `key_rows`: sealed values under each version of the key. `overdue`:
    records whose renewal is overdue. `audit_rows`: the number of the newest row of the log.
    """

    states: dict[str, int]
    key_rows: dict[int, int]
    overdue: int
    audit_rows: int


def counts(backend: Backend, tenant: str) -> Counts:
    """Count, by the indexes. Raises `StoreFault`, `TryLater`."""
    key_rows: dict[int, int] = {}
    with backend.reading() as transaction:
        states = transaction.rows(
            "SELECT state, count(*) FROM records WHERE tenant = ? GROUP BY state", (tenant,)
        )
        for table in _SEALED:
            for version, rows in transaction.rows(
                f"SELECT key_version, count(*) FROM {table} WHERE tenant = ? GROUP BY key_version",  # noqa: S608 - names written above
                (tenant,),
            ):
                key_rows[int(version)] = key_rows.get(int(version), 0) + int(rows)
        overdue = transaction.row(
            "SELECT count(*) FROM records WHERE renew_at < ? AND tenant = ?",
            (transaction.now() - LATE_SECONDS, tenant),
        )
        head = transaction.row("SELECT seq FROM audit_heads WHERE tenant = ?", (tenant,))
    return Counts(
        {str(state): int(rows) for state, rows in states},
        key_rows,
        int(overdue[0]) if overdue is not None else 0,
        int(head[0]) if head is not None else 0,
    )


def refuse_unready(backend: Backend, vault: Keyed, tenant: str, actor: str) -> None:
    """Raises `StoreFault` or `TryLater` when the store cannot do its work.

    It cannot be reached or written, its key is not at hand, its audit log cannot be written (N13), or it is a
    restored copy that nobody confirmed. A row is written into the log and taken back: nothing less shows it.
    """
    try:
        with backend.writing() as transaction:
            refuse_restored(transaction)
            append(transaction, vault, tenant, actor, Entry("store.ready", "ok"))
            fault("watch.ready.before_rollback")
            raise _TakenBack
    except _TakenBack:
        fault("watch.ready.after_rollback")


class _TakenBack(Exception):
    """Ends a transaction that is not to be kept."""
