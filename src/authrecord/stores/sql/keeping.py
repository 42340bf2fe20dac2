"""Which records a background worker takes next: those whose renewal is due, each for one worker of the whole fleet.

A record is due some time before its token must be renewed, each a little earlier or later, so that a hundred
thousand that began together do not end together (attack row J10). A worker that dies loses what it took after
`TAKEN_SECONDS`; whether two renew the same one after all is decided by the claim, not here.
"""

from __future__ import annotations

from typing import Final

from ...core.faults import fault
from .store import SqlStore

TAKEN_SECONDS: Final = 90.0
"""How long a record stays with the worker that took it: longer than a renewal with its waiting can last."""


def take_due(store: SqlStore, *, worker: str, limit: int) -> list[str]:
    """The names of up to `limit` records that are due and with nobody, the longest due first; now with `worker`.

    Workers on PostgreSQL pass over what another one is just taking, instead of waiting for it.
    """
    with store.backend.writing() as transaction:
        now = transaction.now()
        due = transaction.rows(
            "SELECT id, name FROM records WHERE tenant = ? AND renew_at <= ? AND keep_until < ?"  # noqa: S608 - put together of constants
            f" ORDER BY renew_at LIMIT ?{store.backend.skip_locked}",
            (store.tenant, now, now, limit),
        )
        transaction.change_many(
            "UPDATE records SET keep_by = ?, keep_until = ? WHERE tenant = ? AND id = ?",
            [(worker, now + TAKEN_SECONDS, store.tenant, identity) for identity, _ in due],
        )
        fault("keep.take.before_commit")
    fault("keep.take.after_commit")
    return [str(name) for _, name in due]


def seconds_until_due(store: SqlStore, longest: float) -> float:
    """Seconds until the next record is due, `longest` at most."""
    with store.backend.reading() as transaction:
        row = transaction.row(
            "SELECT min(renew_at) FROM records WHERE tenant = ? AND renew_at > ?",
            (store.tenant, transaction.now()),
        )
        if row is None or row[0] is None:
            return longest
        return max(0.0, min(longest, float(row[0]) - transaction.now()))
