"""A store that came out of a backup renews nothing until a person has said that it may (attack rows I13, L14).

The store that the backup was taken from may still be running. Two stores that renew with the same refresh token
destroy the login: the provider takes the second use for theft. Nobody can see from here whether the other one is
gone, so a person has to say it.
"""

from __future__ import annotations

import time
from typing import Final

from ...core.errors import StoreFault
from ...core.faults import fault
from .audit import Entry, Keyed, append
from .backend import Backend, Transaction

MARK: Final = "restored"
"""The row in `meta`; its value: when the backup was taken, UTC seconds."""


def backup_time(transaction: Transaction) -> float | None:
    """When the backup was taken that this store came from and that nobody has confirmed yet; else `None`."""
    row = transaction.row("SELECT value FROM meta WHERE name = ?", (MARK,))
    return None if row is None else float(row[0])


def refuse_restored(transaction: Transaction) -> None:
    """Raises `StoreFault` (code `restored`) where nobody has confirmed yet. Called before each claim."""
    taken = backup_time(transaction)
    if taken is None:
        return
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(taken))
    raise StoreFault(
        f"this store is a copy, from a backup of {at}, and renews no token yet: if the store that it was taken "
        "from still runs, both would lose their logins.",
        hint="Stop the other one for good, then run `authrecord restore --confirm`.",
        code="restored",
    )


def mark_restored(transaction: Transaction, taken_at: float) -> None:
    """From now on this store renews nothing. `taken_at`: when the backup was taken, UTC seconds."""
    transaction.change(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (MARK, repr(taken_at)),
    )


def confirm(backend: Backend, vault: Keyed, tenant: str, actor: str) -> bool:
    """From now on it renews; told in the audit log of `tenant`. `False` when there was nothing to confirm."""
    with backend.writing() as transaction:
        taken = backup_time(transaction)
        if taken is not None:
            transaction.change("DELETE FROM meta WHERE name = ?", (MARK,))
            entry = Entry("store.confirm", "ok", detail=f"restored from a backup of {taken:.0f}")
            append(transaction, vault, tenant, actor, entry)
        fault("restore.confirm.before_commit")
    fault("restore.confirm.after_commit")
    return taken is not None
