"""Sessions of people at the page.

The browser holds a random text; the store its SHA-256, so that a copy of the database opens no session (attack rows
M9, M19).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from ...core.errors import StoreFault, TryLater
from ...core.faults import fault
from .backend import Backend, Transaction

IDLE_SECONDS: Final = 30 * 60.0
"""A session that is not used for so long is over."""

LONGEST_SECONDS: Final = 12 * 3600.0
"""And so is one that began so long ago."""

_TOUCH_SECONDS: Final = 30.0
"""The time of the last use is written at most so often, so that reading a page is not always a write."""

MOST_SESSIONS: Final = 50
"""Sessions that one person may have; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. `identity`: may be logged. `confirmed_at`: when the password was last given, UTC seconds."""

    identity: str
    person: str
    tenant: str
    began_at: float
    confirmed_at: float


class Sessions:
    """The sessions of a store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def begin(self, person: str, tenant: str, *, confirmed: bool = True) -> str:
        """A new session; the text for the browser's cookie. Ids come from here only, so that none can be fixed.

        `confirmed`: the person has just proved who they are, and not only their browser.
        """
        text = token_urlsafe(32)
        with self._backend.writing() as transaction:
            now = transaction.now()
            self._forget_old(transaction, now)
            transaction.change(
                "INSERT INTO sessions (id, person, tenant, began_at, seen_at, confirmed_at) VALUES (?, ?, ?, ?, ?, ?)",
                (_kept(text), person, tenant, now, now, now if confirmed else 0.0),
            )
            transaction.change(
                "DELETE FROM sessions WHERE person = ? AND id NOT IN "
                "(SELECT id FROM sessions WHERE person = ? ORDER BY began_at DESC LIMIT ?)",
                (person, person, MOST_SESSIONS),
            )
            fault("sessions.begin.before_commit")
        fault("sessions.begin.after_commit")
        return text

    def find(self, text: str) -> Session | None:
        """The live session that the cookie's text opens."""
        if not text or len(text) > 100:
            return None
        kept = _kept(text)
        with self._backend.reading() as transaction:
            row = transaction.row(
                "SELECT person, tenant, began_at, seen_at, confirmed_at FROM sessions WHERE id = ?", (kept,)
            )
            now = transaction.now()
        if row is None:
            return None
        person, tenant, began_at, seen_at, confirmed_at = row
        if now - float(seen_at) > IDLE_SECONDS or now - float(began_at) > LONGEST_SECONDS:
            return None
        if now - float(seen_at) > _TOUCH_SECONDS:
            with suppress(
                StoreFault, TryLater
            ):  # a full disk keeps nobody from reading; the session ends sooner
                self._touch(kept, now)
        return Session(kept.hex()[:16], str(person), str(tenant), float(began_at), float(confirmed_at))

    def confirm(self, text: str) -> None:
        """The person has just given the password again."""
        with self._backend.writing() as transaction:
            transaction.change(
                "UPDATE sessions SET confirmed_at = ? WHERE id = ?", (transaction.now(), _kept(text))
            )
            fault("sessions.confirm.before_commit")
        fault("sessions.confirm.after_commit")

    def move(self, text: str, tenant: str) -> None:
        """The same person, in another tenant."""
        with self._backend.writing() as transaction:
            transaction.change("UPDATE sessions SET tenant = ? WHERE id = ?", (tenant, _kept(text)))
            fault("sessions.move.before_commit")
        fault("sessions.move.after_commit")

    def end(self, text: str) -> None:
        """Nothing opens this session any more."""
        with self._backend.writing() as transaction:
            transaction.change("DELETE FROM sessions WHERE id = ?", (_kept(text),))
            fault("sessions.end.before_commit")
        fault("sessions.end.after_commit")

    def _touch(self, kept: bytes, now: float) -> None:
        with self._backend.writing() as transaction:
            transaction.change("UPDATE sessions SET seen_at = ? WHERE id = ?", (now, kept))
            fault("sessions.touch.before_commit")
        fault("sessions.touch.after_commit")

    def _forget_old(self, transaction: Transaction, now: float) -> None:
        transaction.change(
            "DELETE FROM sessions WHERE seen_at < ? OR began_at < ?",
            (now - IDLE_SECONDS, now - LONGEST_SECONDS),
        )


def _kept(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
