"""Requests that may come twice because an answer was lost: the second makes nothing, and finds what the first made."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ...core.errors import RecordFault
from ...core.faults import fault
from .backend import Backend

KEPT_SECONDS: Final = 24 * 3600.0
LONGEST_KEY: Final = 200


@dataclass(frozen=True, slots=True)
class Repeats:
    """Idempotency keys of one store. A key belongs to its caller, and to the request that it came with first."""

    backend: Backend

    def made(self, tenant: str, caller: str, key: str, request: bytes) -> str | None:
        """What the same request made before (`""` while that one still runs), or `None` when it is the first.

        Raises `RecordFault` (code `other_request`) for a key that came with another request before, and for one
        that is none.
        """
        if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
            raise RecordFault("the idempotency key cannot be used.", field="Idempotency-Key", code="bad_key")
        with self.backend.writing() as transaction:
            now = transaction.now()
            transaction.change("DELETE FROM repeats WHERE made_at < ?", (now - KEPT_SECONDS,))
            first = transaction.change(
                "INSERT INTO repeats (tenant, caller, repeat_key, request, made, made_at) VALUES (?, ?, ?, ?, '', ?) "
                "ON CONFLICT DO NOTHING",
                (tenant, caller, _digest(key.encode()), _digest(request), now),
            )
            row = transaction.row(
                "SELECT request, made FROM repeats WHERE tenant = ? AND caller = ? AND repeat_key = ?",
                (tenant, caller, _digest(key.encode())),
            )
            fault("repeats.before_commit")
        fault("repeats.after_commit")
        if first or row is None:
            return None
        if bytes(row[0]) != _digest(request):
            raise RecordFault(
                "this idempotency key came with another request before.",
                field="Idempotency-Key",
                hint="Use a new key for a new request.",
                code="other_request",
            )
        return str(row[1])

    def note(self, tenant: str, caller: str, key: str, made: str) -> None:
        """What the request made: a name or an identity, never a secret."""
        self._set(
            "UPDATE repeats SET made = ? WHERE tenant = ? AND caller = ? AND repeat_key = ?",
            made,
            tenant,
            caller,
            key,
        )

    def forget(self, tenant: str, caller: str, key: str) -> None:
        """The request failed: the same one may be tried again."""
        self._set(
            "DELETE FROM repeats WHERE made = ? AND tenant = ? AND caller = ? AND repeat_key = ?",
            "",
            tenant,
            caller,
            key,
        )

    def _set(self, statement: str, made: str, tenant: str, caller: str, key: str) -> None:
        with self.backend.writing() as transaction:
            transaction.change(statement, (made, tenant, caller, _digest(key.encode())))
            fault("repeats.set.before_commit")
        fault("repeats.set.after_commit")


def _digest(value: bytes) -> bytes:
    return sha256(value).digest()
