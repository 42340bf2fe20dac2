"""Logins at the page that wait for a person: sealed rows, so that any server of the store can end them, once.

A row lives as long as an answer is accepted. Its name begins with the session that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ...core.faults import fault
from ..sealing import DoesNotOpen
from .backend import Backend, Row, Transaction
from .bindings import login_place
from .vault import Vault

MOST_WAITING: Final = 1_000
"""Logins of one tenant; the oldest go first."""

MOST_OF_A_SESSION: Final = 50


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A login that waits. `record`: the record's identity. `plain`: what its beginner wrote down, in the clear."""

    session: str
    login: str
    record: str
    plain: bytes = field(repr=False)


class PendingLogins:
    """The waiting logins of a store."""

    def __init__(self, backend: Backend, vault: Vault) -> None:
        self._backend = backend
        self._vault = vault

    def keep(self, tenant: str, row: WaitingRow, *, seconds: float) -> None:
        """Write one down for so long. One of the same name gives way. Raises `StoreFault`, `TryLater`."""
        name = _name(row.session, row.login)
        with self._backend.writing() as transaction:
            now = transaction.now()
            place = login_place(tenant, name, row.record)
            version, sealed = self._vault.seal(transaction, tenant, place, row.plain)
            transaction.change("DELETE FROM logins WHERE expires_at < ?", (now,))
            transaction.change(
                "INSERT INTO logins (tenant, id, record, key_version, sealed, began_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, id) DO UPDATE SET record = excluded.record,"
                " key_version = excluded.key_version, sealed = excluded.sealed, began_at = excluded.began_at,"
                " expires_at = excluded.expires_at",
                (tenant, name, row.record, version, sealed, now, now + seconds),
            )
            transaction.change(
                "DELETE FROM logins WHERE tenant = ? AND id NOT IN"
                " (SELECT id FROM logins WHERE tenant = ? ORDER BY began_at DESC LIMIT ?)",
                (tenant, tenant, MOST_WAITING),
            )
            fault("pending_logins.keep.before_commit")
        fault("pending_logins.keep.after_commit")

    def find(self, tenant: str, session: str, login: str) -> WaitingRow | None:
        """The login of that name. One that does not open is as one that is not there."""
        with self._backend.reading() as transaction:
            rows = transaction.rows(
                "SELECT id, record, sealed FROM logins WHERE tenant = ? AND id = ? AND expires_at >= ?",
                (tenant, _name(session, login), transaction.now()),
            )
            return next(iter(self._opened(transaction, tenant, session, rows)), None)

    def of_session(self, tenant: str, session: str) -> list[WaitingRow]:
        """The logins of a session, the newest first."""
        beginning = _name(session, "")
        with self._backend.reading() as transaction:
            rows = transaction.rows(
                "SELECT id, record, sealed FROM logins WHERE tenant = ? AND substr(id, 1, ?) = ? AND expires_at >= ?"
                " ORDER BY began_at DESC LIMIT ?",
                (tenant, len(beginning), beginning, transaction.now(), MOST_OF_A_SESSION),
            )
            return self._opened(transaction, tenant, session, rows)

    def take(self, tenant: str, session: str, login: str) -> bool:
        """Take it out; `False` when somebody else has (attack row A13)."""
        with self._backend.writing() as transaction:
            taken = transaction.change(
                "DELETE FROM logins WHERE tenant = ? AND id = ?", (tenant, _name(session, login))
            )
            fault("pending_logins.take.before_commit")
        fault("pending_logins.take.after_commit")
        return taken > 0

    def _opened(
        self, transaction: Transaction, tenant: str, session: str, rows: Sequence[Row]
    ) -> list[WaitingRow]:
        found: list[WaitingRow] = []
        for name, record, sealed in rows:
            try:
                plain = self._vault.open(
                    transaction, tenant, login_place(tenant, name, record), bytes(sealed)
                )
            except DoesNotOpen:
                continue  # somebody changed it in the database: it is nobody's login
            found.append(WaitingRow(session, str(name)[len(session) + 1 :], str(record), plain))
        return found


def _name(session: str, login: str) -> str:
    return f"{session}.{login}"
