"""Opens a sealed SQLite store for a test, as a program does, with a key that the test holds."""

from __future__ import annotations

import os
from pathlib import Path

from authrecord.core.contracts import Clock
from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.opening import prepare
from authrecord.stores.sql.sqlite import SqliteBackend
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.vault import Vault


def open_sqlite(path: Path, key: SealingKey, clock: Clock) -> SqlStore:
    """The store in the file at `path`, which is made when it is not there."""
    backend = SqliteBackend(str(path), clock)
    try:
        vault = Vault(LocalKek(key, "env:TEST_KEY", os.urandom), os.urandom)
        prepare(backend, vault)
    except BaseException:
        backend.close()
        raise
    return SqlStore(backend, vault, actor="test")


def sqlite_of(store: SqlStore) -> SqliteBackend:
    """The store's database, for a look into it from outside of any transaction."""
    assert isinstance(store.backend, SqliteBackend)
    return store.backend
