"""Wrong passwords, counted for all servers of a store: a hash of whose they were, for a quarter of an hour."""

from __future__ import annotations

from hashlib import sha256
from secrets import token_hex
from typing import Final

from ...core.faults import fault
from .backend import Backend

WINDOW_SECONDS: Final = 15 * 60.0


class Failures:
    """The failures of a store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def wait(self, limits: dict[str, int]) -> float:
        """For how many seconds nobody of these may try: each has its limit of failures in the window. 0 for none."""
        with self._backend.reading() as transaction:
            now = transaction.now()
            for whose, limit in limits.items():
                rows = transaction.rows(
                    "SELECT at FROM failures WHERE whose = ? AND at > ? ORDER BY at DESC LIMIT ?",
                    (_digest(whose), now - WINDOW_SECONDS, limit),
                )
                if len(rows) >= limit:
                    return max(1.0, float(rows[-1][0]) + WINDOW_SECONDS - now)
        return 0.0

    def note(self, *whose: str) -> None:
        """One more failure of each; what is too old is forgotten."""
        with self._backend.writing() as transaction:
            now = transaction.now()
            transaction.change("DELETE FROM failures WHERE at <= ?", (now - WINDOW_SECONDS,))
            transaction.change_many(
                "INSERT INTO failures (id, whose, at) VALUES (?, ?, ?)",
                [(token_hex(8), _digest(one), now) for one in whose],
            )
            fault("failures.note.before_commit")
        fault("failures.note.after_commit")


def _digest(whose: str) -> bytes:
    return sha256(whose.encode("utf-8", "surrogatepass")).digest()
