"""The state of a stored record, kept beside it so that a list opens no seal: what renewals and logins last said.

Only the row whose own token it is changes: a document may hold a record of the same name.
"""

from __future__ import annotations

from typing import Final

from ...core.token import LONGEST_LIFE, Token
from ...keeper.ports import Failure
from .backend import Transaction
from .claims import AT, Place
from .tokens import ends_at, renew_at

SPREAD: Final = 0.15
"""The part of a token's life, before its renewal is due, over which background renewals are spread (row J10)."""


def set_live(transaction: Transaction, place: Place, token: Token, fraction: float) -> str:
    """A new token was saved; the record's identity, empty when the store holds no such record.

    What renews itself gets a time at which `keep` takes it, the earlier the larger `fraction` (0 to 1) is; what
    needs a person gets none.
    """
    due = renew_at(token)
    if due is not None:
        due -= fraction * SPREAD * min(token.life or 0.0, LONGEST_LIFE)
    row = transaction.row(
        "UPDATE records SET state = 'live', reason = '', live_until = ?, keep_by = '', keep_until = 0,"  # noqa: S608 - put together of constants
        " renew_at = CASE WHEN CAST(? AS INTEGER) = 1 OR grant_type IN ('client_credentials', 'password')"
        f" THEN CAST(? AS DOUBLE PRECISION) END WHERE {AT} RETURNING id",
        (ends_at(token), int(token.refresh_token is not None), due, *place.values),
    )
    return "" if row is None else str(row[0])


def set_failed(transaction: Transaction, place: Place, failure: Failure) -> str:
    """A renewal failed; the record's identity. What only a person can mend is not taken by `keep` again."""
    again = None if failure.state == "needs_login" else transaction.now() + max(failure.quiet_seconds, 1.0)
    row = transaction.row(
        "UPDATE records SET state = ?, reason = ?, renew_at = ?, keep_by = '', keep_until = 0"  # noqa: S608 - put together of constants
        f" WHERE {AT} RETURNING id",
        (failure.state, failure.message, again, *place.values),
    )
    return "" if row is None else str(row[0])


def set_idle(transaction: Transaction, tenant: str, name: str) -> str:
    """Its token was dropped; the record's identity."""
    row = transaction.row(
        "UPDATE records SET state = 'idle', reason = '', live_until = NULL, renew_at = NULL"
        " WHERE tenant = ? AND name = ? AND lookup IS NOT NULL RETURNING id",
        (tenant, name),
    )
    return "" if row is None else str(row[0])


def reset(transaction: Transaction, tenant: str, name: str, state: str) -> None:
    """A changed record has no token any more."""
    transaction.change(
        "UPDATE records SET state = ?, reason = '', live_until = NULL, renew_at = NULL WHERE tenant = ? AND name = ?",
        (state, tenant, name),
    )


def of_kept_token(
    transaction: Transaction, tenant: str, name: str, lookup: bytes | None
) -> tuple[str, float | None, float | None]:
    """State, live until and renew at of a new record whose token is there already: of a document that was imported."""
    if lookup is None:
        return "static", None, None
    row = transaction.row(
        f"SELECT expires_at, renew_at FROM tokens WHERE {AT}",  # noqa: S608 - put together of constants
        (tenant, name, lookup),
    )
    return ("idle", None, None) if row is None else ("live", row[0], row[1])
