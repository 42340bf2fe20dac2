"""A sealed store for each test."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.store import SqlStore

from .opening import open_sqlite


@pytest.fixture
def key() -> SealingKey:
    return SealingKey(os.urandom(32))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where the store of this test is; nothing is there yet."""
    return tmp_path / "data" / "store.sqlite"


@pytest.fixture
def store(cache: Path, key: SealingKey) -> SqlStore:
    """A store on the machine's own clock."""
    return open_sqlite(cache, key, time)


@pytest.fixture(autouse=True)
def every_connection_is_closed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test may leave its stores open, as a process that ends does; Python 3.13 warns of each connection."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def remembered(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", remembered)
    yield
    for connection in opened:
        connection.close()
