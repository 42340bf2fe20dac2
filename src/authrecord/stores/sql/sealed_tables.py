"""The tables that hold sealed values, and how the place of each value is put together from its row.

A new table with a sealed column belongs here, or a rotation of keys would leave it behind; a test compares this list
with the schema.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .backend import Row, Value
from .bindings import destinations_of, entry_place, login_place, secret_place, token_place


@dataclass(frozen=True, slots=True)
class Found:
    """A sealed value in its row. `name`: of what it belongs to, for people. `key`: of the row, without the tenant."""

    name: str
    key: tuple[Value, ...]
    sealed: bytes
    place: bytes


@dataclass(frozen=True, slots=True)
class SealedTable:
    """One table. `beginning`: a key before all others. `found`: the value in a row that `older` gave.

    `older` takes tenant, version, key and a number: so many rows behind that key, by key, that are not sealed under
    that version. `key`: its columns after the tenant.
    """

    name: str
    beginning: tuple[Value, ...]
    older: str
    key: tuple[str, ...]
    found: Callable[[str, Row], Found]

    def replace(self, for_update: str) -> str:
        """Takes version, sealed value, tenant, key, and the sealed value that must still be there.

        `for_update`: `Backend.for_update`. Where rows are locked one by one, a row that somebody is changing is
        passed over: who waits for nothing takes part in no deadlock.
        """
        columns = ", ".join(("tenant", *self.key))
        where = " AND ".join(f"{column} = ?" for column in ("tenant", *self.key, "sealed"))
        skip = f"{for_update} SKIP LOCKED" if for_update else ""
        return (
            f"UPDATE {self.name} SET key_version = ?, sealed = ? WHERE ({columns}) IN"  # noqa: S608 - words of this file
            f" (SELECT {columns} FROM {self.name} WHERE {where}{skip})"
        )


def _secret(tenant: str, row: Row) -> Found:
    record, field, sealed, generation, config, name = row
    place = secret_place(tenant, record, field, generation, destinations_of(config))
    return Found(name, (record, field), bytes(sealed), place)


def _token(tenant: str, row: Row) -> Found:
    name, lookup, sealed, generation, binding = row
    place = token_place(tenant, name, bytes(lookup), generation, binding)
    return Found(name, (name, bytes(lookup)), bytes(sealed), place)


def _entry(tenant: str, row: Row) -> Found:
    index_key, sealed, name = row
    return Found(name, (bytes(index_key),), bytes(sealed), entry_place(tenant, bytes(index_key)))


def _login(tenant: str, row: Row) -> Found:
    login, sealed, record = row
    return Found(record, (login,), bytes(sealed), login_place(tenant, login, record))


SEALED_TABLES: Final = (
    SealedTable(
        "secrets",
        ("", ""),
        "SELECT secrets.record, field, sealed, generation, config, name FROM secrets JOIN records"
        " ON records.tenant = secrets.tenant AND records.id = secrets.record"
        " WHERE secrets.tenant = ? AND key_version <> ? AND (secrets.record, field) > (?, ?)"
        " ORDER BY secrets.record, field LIMIT ?",
        ("record", "field"),
        _secret,
    ),
    SealedTable(
        "tokens",
        ("", b""),
        "SELECT name, lookup, sealed, generation, binding FROM tokens WHERE tenant = ? AND key_version <> ?"
        " AND (name, lookup) > (?, ?) ORDER BY name, lookup LIMIT ?",
        ("name", "lookup"),
        _token,
    ),
    SealedTable(
        "entries",
        (b"",),
        "SELECT index_key, sealed, name FROM entries WHERE tenant = ? AND key_version <> ? AND index_key > ?"
        " ORDER BY index_key LIMIT ?",
        ("index_key",),
        _entry,
    ),
    SealedTable(
        "logins",
        ("",),
        "SELECT id, sealed, record FROM logins WHERE tenant = ? AND key_version <> ? AND id > ? ORDER BY id LIMIT ?",
        ("id",),
        _login,
    ),
)
