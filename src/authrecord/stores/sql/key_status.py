"""What a store says of its keys: nothing of it is secret, and no KEK is needed to read it."""

from __future__ import annotations

from dataclasses import dataclass

from .backend import Backend
from .sealed_tables import SEALED_TABLES
from .vault import SEAL


@dataclass(frozen=True, slots=True)
class KekLine:
    """A KEK. `source`: where it was found when it was added. `added_at`: UTC seconds. `keys`: how many it wraps."""

    identity: str
    source: str
    added_at: float
    keys: int


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A version of a tenant's sealing key. `state`: `active`, `retired`. `changed_at`: since when, UTC seconds.

    `values`: how many are sealed under it.
    """

    version: int
    state: str
    changed_at: float
    values: int


def keks(backend: Backend) -> tuple[KekLine, ...]:
    """Every KEK, the oldest first; more than one while it is being changed."""
    with backend.reading() as transaction:
        rows = transaction.rows(
            "SELECT id, source, created_at, (SELECT count(*) FROM tenant_keys WHERE kek = keks.id)"
            " FROM keks ORDER BY created_at, id"
        )
    return tuple(KekLine(*row) for row in rows)


def keys(backend: Backend, tenant: str) -> tuple[KeyLine, ...]:
    """Every version of the tenant's sealing key that is not destroyed, the oldest first."""
    values: dict[int, int] = {}
    with backend.reading() as transaction:
        rows = transaction.rows(
            "SELECT version, min(state), max(changed_at) FROM tenant_keys WHERE tenant = ? AND purpose = ?"
            " GROUP BY version ORDER BY version",
            (tenant, SEAL),
        )
        for table in SEALED_TABLES:
            counted = transaction.rows(
                f"SELECT key_version, count(*) FROM {table.name} WHERE tenant = ? GROUP BY key_version",  # noqa: S608 - a name written in this program
                (tenant,),
            )
            for version, count in counted:
                values[version] = values.get(version, 0) + count
    return tuple(KeyLine(version, state, at, values.get(version, 0)) for version, state, at in rows)
