"""The sealed secrets of a record, each bound to its field, its revision, and to where it may go.

A record without any secret has one row all the same, of an empty text under an empty path: it binds the record to
its destinations, so that a changed one is found although there is nothing to steal yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ...core.errors import StoreFault
from ...core.secret import Secret
from ..payload import secret_bytes, secret_of
from ..sealing import DoesNotOpen
from .backend import Transaction
from .bindings import destinations_of, secret_place
from .config import Config

if TYPE_CHECKING:
    from .tenancy import TenantStore

WHOLE: Final = ""
"""The path of the row that binds the record itself."""


def read(
    store: TenantStore, transaction: Transaction, identity: str, text: str, revision: int, name: str
) -> tuple[dict[str, Secret], dict[str, float]]:
    """The record's secrets by path, and when each was set. Raises `StoreFault` (code `tampered`)."""
    destinations = destinations_of(text)
    secrets: dict[str, Secret] = {}
    set_at: dict[str, float] = {}
    bound = False
    for field, generation, sealed, at in transaction.rows(
        "SELECT field, generation, sealed, set_at FROM secrets WHERE tenant = ? AND record = ?",
        (store.tenant, identity),
    ):
        place = secret_place(store.tenant, identity, field, generation, destinations)
        try:
            plain = store.vault.open(transaction, store.tenant, place, sealed)
        except DoesNotOpen:
            raise tampered(name) from None
        if generation != revision:
            raise tampered(name)
        if field == WHOLE:
            bound = True
        else:
            secrets[field], set_at[field] = secret_of(plain), at
    if not bound:
        raise tampered(name)
    return secrets, set_at


def write(
    store: TenantStore,
    transaction: Transaction,
    identity: str,
    config: Config,
    revision: int,
    unchanged: Mapping[str, tuple[float, str]],
    now: float,
) -> dict[str, float]:
    """Seal all of them for `revision` in place of what is there; when each was set.

    `unchanged`: when, and by whom, those were set whose value is the same as before.
    """
    destinations = destinations_of(config.text)
    rows, set_at = [], {}
    for field, secret in {WHOLE: Secret(""), **config.secrets}.items():
        place = secret_place(store.tenant, identity, field, revision, destinations)
        version, sealed = store.vault.seal(transaction, store.tenant, place, secret_bytes(secret))
        at, by = unchanged.get(field, (now, store.actor))
        rows.append((store.tenant, identity, field, revision, version, sealed, at, by))
        if field != WHOLE:
            set_at[field] = at
    transaction.change("DELETE FROM secrets WHERE tenant = ? AND record = ?", (store.tenant, identity))
    transaction.change_many(
        "INSERT INTO secrets (tenant, record, field, generation, key_version, sealed, set_at, set_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    return set_at


def unchanged(
    transaction: Transaction, tenant: str, identity: str, before: Config, after: Config
) -> dict[str, tuple[float, str]]:
    """Of the secrets that are the same in both: when, and by whom, each was set."""
    same = {field for field, secret in after.secrets.items() if before.secrets.get(field) == secret}
    return {
        field: (at, by)
        for field, at, by in transaction.rows(
            "SELECT field, set_at, set_by FROM secrets WHERE tenant = ? AND record = ?", (tenant, identity)
        )
        if field in same
    }


def tampered(name: str) -> StoreFault:
    """The fault of a record whose seals do not fit what stands beside them."""
    return StoreFault(
        f"the stored record {name!r} does not open: it, or where it may be sent, was changed in the database.",
        hint="Other records still work. Look who changed it; then remove it and add it anew.",
        code="tampered",
    )
