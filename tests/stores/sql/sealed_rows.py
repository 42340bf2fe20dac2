"""Rows in every table that holds sealed values, made without the parts of the store that make them for users."""

from __future__ import annotations

import json

from authrecord.stores.sql.backend import Backend, Transaction
from authrecord.stores.sql.bindings import (
    destinations_of,
    entry_place,
    login_place,
    secret_place,
    token_place,
)
from authrecord.stores.sql.vault import Vault

CONFIG = json.dumps({"auth": {"type": "bearer"}, "allowed_origins": ["https://api.example.com"]})


def add(backend: Backend, vault: Vault, first: int, count: int, *, tenant: str = "default") -> None:
    """Records `r<first>` and so on, each with a secret, a token, an index entry and a waiting login."""
    with backend.writing() as transaction:
        for number in range(first, first + count):
            name = f"r{number:06}"
            _record(transaction, tenant, name)
            write_secret(transaction, vault, name, 1, f"secret {number}", tenant=tenant)
            write_token(transaction, vault, name, 1, f"token {number}", tenant=tenant)
            key = name.encode()
            version, blob = vault.seal(transaction, tenant, entry_place(tenant, key), b"entry")
            transaction.change(
                "INSERT INTO entries (tenant, index_key, name, number, key_version, sealed) VALUES (?, ?, ?, 1, ?, ?)",
                (tenant, key, name, version, blob),
            )
            version, blob = vault.seal(transaction, tenant, login_place(tenant, name, name), b"login")
            transaction.change(
                "INSERT INTO logins (tenant, id, record, key_version, sealed, began_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, 0, 0)",
                (tenant, name, name, version, blob),
            )


def write_secret(
    transaction: Transaction, vault: Vault, name: str, generation: int, plain: str, *, tenant: str = "default"
) -> None:
    """A record's secret, as its `generation`-th value."""
    place = secret_place(tenant, name, "auth.token", generation, destinations_of(CONFIG))
    version, blob = vault.seal(transaction, tenant, place, plain.encode())
    transaction.change(
        "INSERT INTO secrets (tenant, record, field, generation, key_version, sealed, set_at, set_by)"
        " VALUES (?, ?, 'auth.token', ?, ?, ?, 0, 'me') ON CONFLICT (tenant, record, field) DO UPDATE SET"
        " generation = excluded.generation, key_version = excluded.key_version, sealed = excluded.sealed",
        (tenant, name, generation, version, blob),
    )


def write_token(
    transaction: Transaction, vault: Vault, name: str, generation: int, plain: str, *, tenant: str = "default"
) -> None:
    """A record's token, as its `generation`-th."""
    lookup = name.encode()
    place = token_place(tenant, name, lookup, generation, "binding")
    version, blob = vault.seal(transaction, tenant, place, plain.encode())
    transaction.change(
        "INSERT INTO tokens (tenant, name, lookup, binding, generation, key_version, sealed, obtained_at)"
        " VALUES (?, ?, ?, 'binding', ?, ?, ?, 0) ON CONFLICT (tenant, name, lookup) DO UPDATE SET"
        " generation = excluded.generation, key_version = excluded.key_version, sealed = excluded.sealed",
        (tenant, name, lookup, generation, version, blob),
    )


def read_token(
    transaction: Transaction, vault: Vault, name: str, *, tenant: str = "default"
) -> tuple[int, bytes]:
    """Generation and plain text of a record's token."""
    row = transaction.row(
        "SELECT generation, sealed FROM tokens WHERE tenant = ? AND name = ?", (tenant, name)
    )
    assert row is not None
    place = token_place(tenant, name, name.encode(), row[0], "binding")
    return row[0], vault.open(transaction, tenant, place, bytes(row[1]))


def read_secret(
    transaction: Transaction, vault: Vault, name: str, *, tenant: str = "default"
) -> tuple[int, bytes]:
    """Generation and plain text of a record's secret."""
    row = transaction.row(
        "SELECT generation, sealed FROM secrets WHERE tenant = ? AND record = ?", (tenant, name)
    )
    assert row is not None
    place = secret_place(tenant, name, "auth.token", row[0], destinations_of(CONFIG))
    return row[0], vault.open(transaction, tenant, place, bytes(row[1]))


def _record(transaction: Transaction, tenant: str, name: str) -> None:
    transaction.change(
        "INSERT INTO records (tenant, id, name, revision, auth_type, grant_type, config, tags, state, reason,"
        " keep_by, keep_until, created_at, created_by, updated_at, updated_by)"
        " VALUES (?, ?, ?, 1, 'bearer', '', ?, '', 'idle', '', '', 0, 0, 'me', 0, 'me')",
        (tenant, name, name, CONFIG),
    )
