"""Tokens of programs that use the REST API (security.md 5.6): `ar_<id>_<secret>_<check>`.

256 random bits cannot be guessed, so the store keeps their SHA-256 and no slow hash; the check digits and the prefix
let scanners find a token that was left somewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from secrets import choice
from string import ascii_letters, digits
from typing import Final
from zlib import crc32

from ...core.errors import RecordFault, StoreFault, TryLater
from ...core.faults import fault
from ...core.secret import Secret
from .backend import Backend, Row
from .remembering import Remembering

PREFIX: Final = "ar"
GATEWAY_USE: Final = "gateway:use"
"""The scope of programs that send requests through the gateway."""

DEFAULT_DAYS: Final = 90
MOST_DAYS: Final = 3650
_LETTERS: Final = digits + ascii_letters
_IDENTITY: Final = 10
_SECRET: Final = 43
_CHECK: Final = 6
_TOUCH_SECONDS: Final = 60.0
_NOBODY: Final = sha256(b"nobody").digest()


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as it is kept: everything but the secret. `records`: the only ones it reaches; `None` for all.

    Times are UTC seconds; `used_at` and `revoked_at` are `None` where it never happened.
    """

    identity: str
    tenant: str
    label: str
    scopes: frozenset[str]
    records: frozenset[str] | None
    created_at: float
    created_by: str
    begins_at: float
    expires_at: float
    used_at: float | None
    revoked_at: float | None


class ApiTokens:
    """The API tokens of a store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: Remembering[bytes, ApiToken] = Remembering(backend)

    def issue(
        self,
        *,
        tenant: str,
        label: str,
        scopes: Sequence[str],
        records: Sequence[str] | None,
        days: float,
        created_by: str,
        begins_in: float = 0.0,
    ) -> tuple[ApiToken, Secret]:
        """A new token, and its text, which is shown once. Raises `RecordFault` for a life that is none."""
        if not 0 < days <= MOST_DAYS:
            raise RecordFault("the token's life is not between 1 and 3650 days.", field="days")
        identity, secret = _random(_IDENTITY), _random(_SECRET)
        with self._backend.writing() as transaction:
            now = transaction.now()
            transaction.change(
                "INSERT INTO api_tokens (id, tenant, label, hash, scopes, records, created_at, created_by, begins_at, "
                "expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    identity,
                    tenant,
                    label[:100],
                    sha256(secret.encode()).digest(),
                    " ".join(sorted(scopes)),
                    "" if records is None else json.dumps(sorted(records)),
                    now,
                    created_by,
                    now + begins_in,
                    now + days * 86400.0,
                ),
            )
            row = transaction.row(f"{_SELECT} WHERE id = ?", (identity,))
            fault("api_tokens.issue.before_commit")
        fault("api_tokens.issue.after_commit")
        assert row is not None  # noqa: S101 - it was written in this transaction; states it for the type
        return _token(row), Secret(_written(identity, secret))

    def peek(self, text: str) -> ApiToken | None:
        """The live token of that text, if it was read a moment ago and nothing was written since. Waits for nothing."""
        return self._known.peek(_digest(text))

    def recent(self, text: str) -> ApiToken | None:
        """The token of that text, if it was live within the last minute, for whom the database does not answer now."""
        return self._known.recent(_digest(text))

    def find(self, text: str) -> ApiToken | None:
        """The live token of that text: not revoked, not run out, not one whose time is yet to come.

        The same work is done whatever is wrong with it (attack row N7).
        """
        began = self._known.begin()
        identity, secret = _parts(text)
        with self._backend.reading() as transaction:
            row = transaction.row(f"{_SELECT} WHERE id = ?", (identity,))
            now = transaction.now()
        expected = _NOBODY if row is None else bytes(row[_HASH])
        if not compare_digest(_digest(secret), expected) or row is None:
            self._known.drop(_digest(text))
            return None
        found = _token(row)
        if found.revoked_at is not None or not found.begins_at <= now < found.expires_at:
            self._known.drop(_digest(text))
            return None
        if found.used_at is None or now - found.used_at > _TOUCH_SECONDS:
            # A full disk keeps nobody from reading; the time is for show.
            with suppress(StoreFault, TryLater):
                self._touch(identity, now)
        self._known.put(_digest(text), found, began, found.expires_at - now)
        return found

    def listed(self, tenant: str) -> tuple[ApiToken, ...]:
        """Every token of a tenant, the newest first."""
        with self._backend.reading() as transaction:
            rows = transaction.rows(f"{_SELECT} WHERE tenant = ? ORDER BY created_at DESC", (tenant,))
        return tuple(_token(row) for row in rows)

    def revoke(self, identity: str, *, tenant: str) -> bool:
        """From now on the token opens nothing. False when the tenant has no such token."""
        with self._backend.writing() as transaction:
            touched = transaction.change(
                "UPDATE api_tokens SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ? AND tenant = ?",
                (transaction.now(), identity, tenant),
            )
            fault("api_tokens.revoke.before_commit")
        fault("api_tokens.revoke.after_commit")
        self._known.end_all()
        return touched > 0

    def revoke_all(self, tenant: str) -> int:
        """Revoke every live token of a tenant; how many."""
        with self._backend.writing() as transaction:
            touched = transaction.change(
                "UPDATE api_tokens SET revoked_at = ? WHERE tenant = ? AND revoked_at IS NULL",
                (transaction.now(), tenant),
            )
            fault("api_tokens.revoke_all.before_commit")
        fault("api_tokens.revoke_all.after_commit")
        self._known.end_all()
        return touched

    def _touch(self, identity: str, now: float) -> None:
        with self._backend.writing() as transaction:
            transaction.change("UPDATE api_tokens SET used_at = ? WHERE id = ?", (now, identity))
            fault("api_tokens.touch.before_commit")
        fault("api_tokens.touch.after_commit")


_SELECT: Final = (
    "SELECT id, tenant, label, scopes, records, created_at, created_by, begins_at, expires_at, used_at, revoked_at, "
    "hash FROM api_tokens"
)
_HASH: Final = 11


def _token(row: Row) -> ApiToken:
    return ApiToken(
        identity=str(row[0]),
        tenant=str(row[1]),
        label=str(row[2]),
        scopes=frozenset(str(row[3]).split()),
        records=frozenset(json.loads(row[4])) if row[4] else None,
        created_at=float(row[5]),
        created_by=str(row[6]),
        begins_at=float(row[7]),
        expires_at=float(row[8]),
        used_at=None if row[9] is None else float(row[9]),
        revoked_at=None if row[10] is None else float(row[10]),
    )


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _random(length: int) -> str:
    return "".join(choice(_LETTERS) for _ in range(length))


def _written(identity: str, secret: str) -> str:
    return f"{PREFIX}_{identity}_{secret}_{_check(identity, secret)}"


def _check(identity: str, secret: str) -> str:
    number, text = crc32(f"{identity}_{secret}".encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_LETTERS))
        text = _LETTERS[digit] + text
    return text


def _parts(text: str) -> tuple[str, str]:
    """Identity and secret of a token's text; a pair that opens nothing where it has another form."""
    parts = text.split("_") if len(text) <= 100 and text.isascii() else []
    if len(parts) != 4 or parts[0] != PREFIX or parts[3] != _check(parts[1], parts[2]):
        return "", ""
    return parts[1], parts[2]
