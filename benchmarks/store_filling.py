"""Fills a store with as many records as a benchmark wants: a few real ones, and copies of their rows between them.

A copy is sealed for another row and does not open; nothing that is measured opens one. It makes the tables, the
indexes and the pages of the list as large as so many records do.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final

import psycopg

from authrecord.core.contracts import Clock
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.documents import records_from
from authrecord.keeper.naming import token_key
from authrecord.keeper.ports import TokenKey
from authrecord.record import Record
from authrecord.stores.keys import open_kek
from authrecord.stores.sql.backend import Backend, Transaction
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.postgres import PostgresBackend
from authrecord.stores.sql.sqlite import SqliteBackend
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import DEFAULT, initialise
from authrecord.stores.sql.vault import Vault

REAL: Final = 50
"""Records that open, spread over the names."""

TAGS: Final = 20
"""How many different tags there are: a list by tag gives a twentieth of the records."""

_NUMBERS: Final = "WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < ?)"
_NAME: Final = "'r' || substr(CAST(100000000 + i AS TEXT), 2)"
_COPIES: Final = {
    "records": {"id": "id || '-' || CAST(i AS TEXT)", "name": _NAME},
    "secrets": {"record": "record || '-' || CAST(i AS TEXT)"},
    "record_tags": {
        "tag": f"'t' || CAST(i - i / {TAGS} * {TAGS} AS TEXT)",
        "name": _NAME,
        "record": "record || '-' || CAST(i AS TEXT)",
    },
    "tokens": {"name": _NAME},
    "claims": {"name": _NAME},
}
"""For each table the columns of a copy that differ from the row it is made of."""


@dataclass(frozen=True)
class Filled:
    """A store with `records` records. `keys`: of the real ones, whose tokens are live."""

    store: SqlStore
    records: int
    keys: tuple[TokenKey, ...]
    names: tuple[str, ...]


def name_of(number: int) -> str:
    """The name of the copy with that number."""
    return f"r{number:08}"


def record(name: str) -> Record:
    auth = {
        "type": "oauth2",
        "grant": "client_credentials",
        "credentials": {"client_id": "bench", "client_secret": os.urandom(16).hex()},
        "token_exchange": {"url": "https://id.example.com/token"},
    }
    data = {"name": name, "tags": ["t0"], "allowed_origins": ["https://api.example.com"], "auth": auth}
    return records_from(data)[0]


def token() -> Token:
    return Token(access_token=Secret(os.urandom(400).hex()), obtained_at=time.time(), life=36000.0)


def backend_of(url: str, clock: Clock) -> Backend:
    if url.startswith("sqlite://"):
        return SqliteBackend(url.removeprefix("sqlite://"), clock)
    return PostgresBackend(url)


def filled(url: str, key: str, records: int) -> Filled:
    """The store at `url`, which is empty, with so many records."""
    backend = backend_of(url, time)
    migrate(backend)
    vault = Vault(open_kek(key, environment={}, random=os.urandom), os.urandom)
    initialise(backend, vault)
    store = SqlStore(backend, vault, tenant=DEFAULT, actor="bench")
    real = min(REAL, records)
    names = [f"{name_of(number * (records // real))}-real" for number in range(real)]
    made = [record(name) for name in names]
    for one in made:
        store.create(one)
        store.settle(store.claim(token_key(one), seconds=30, patience=0), token())
    if records > real:
        with backend.writing(seconds=3600.0) as transaction:
            _copy(transaction, made[0].name, records - real)
        if backend.kind == "postgres":
            _settled(url)
    return Filled(store, records, tuple(token_key(one) for one in made), tuple(names))


def _settled(url: str) -> None:
    """Do now what autovacuum and the checkpointer do within minutes, so that neither runs while it is measured."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def _copy(transaction: Transaction, name: str, copies: int) -> None:
    """Copies of all rows of the record `name`."""
    row = transaction.row("SELECT id FROM records WHERE tenant = ? AND name = ?", (DEFAULT, name))
    assert row is not None
    for table, differing in _COPIES.items():
        columns = _columns(transaction, table)
        values = ", ".join(differing.get(column, column) for column in columns)
        by = "record = ?" if table in {"secrets", "record_tags"} else "name = ?"
        transaction.change(
            f"INSERT INTO {table} ({', '.join(columns)}) {_NUMBERS}"
            f" SELECT {values} FROM (SELECT * FROM {table} WHERE tenant = ? AND {by}) AS original, numbers",
            (copies - 1, DEFAULT, row[0] if by.startswith("record") else name),
        )


def _columns(transaction: Transaction, table: str) -> list[str]:
    """The columns of a table, from the text that makes it."""
    from authrecord.stores.sql.schema import MIGRATIONS

    text = "".join(migration.text for migration in MIGRATIONS)
    body = text.partition(f"CREATE TABLE {table} (")[2].partition("PRIMARY KEY")[0]
    return [part.split()[0] for part in body.split(",") if part.strip()]
