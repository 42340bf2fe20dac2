"""Vaults, operators and rows, for the tests of keys."""

from __future__ import annotations

import os

from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.backend import Backend, Row, Value
from authrecord.stores.sql.operator import Operator
from authrecord.stores.sql.vault import Vault

TABLES = (
    "tenants", "keks", "tenant_keys", "records", "record_tags", "secrets", "tokens", "claims", "entries", "logins",
    "audit_heads", "audit",
)  # fmt: skip


def fresh_kek() -> LocalKek:
    return LocalKek(SealingKey(os.urandom(32)), "env:KEY", os.urandom)


def fresh_vault() -> Vault:
    return Vault(fresh_kek(), os.urandom)


def again(vault: Vault) -> Vault:
    """Another program with the same KEK: it has unwrapped nothing yet."""
    return Vault(vault.kek, os.urandom)


def operator_of(backend: Backend, vault: Vault, tenant: str = "default") -> Operator:
    return Operator(backend, vault, tenant, "cli:ada@machine")


def run(backend: Backend, statement: str, *values: Value) -> list[Row]:
    """Whatever somebody with the database's password might do; rows for what gives some."""
    with backend.writing() as transaction:
        if statement.startswith("SELECT") or " RETURNING " in statement:
            return transaction.rows(statement, values)
        transaction.change(statement, values)
        return []


def content(backend: Backend) -> bytes:
    """Every value of every table."""
    with backend.reading() as transaction:
        rows = [
            row for table in TABLES for row in sorted(transaction.rows(f"SELECT * FROM {table}"), key=repr)
        ]
    return b"|".join(
        value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
    )
