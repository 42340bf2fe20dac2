"""A sealed cache for each test."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from authrecord.stores.local import LocalStore
from authrecord.stores.sealing import SealingKey


@pytest.fixture
def key() -> SealingKey:
    return SealingKey(os.urandom(32))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where the cache of this test is; nothing is there yet."""
    return tmp_path / "state" / "tokens.sqlite"


@pytest.fixture
def store(cache: Path, key: SealingKey) -> LocalStore:
    """A cache on the machine's own clock."""
    return LocalStore(cache, key, time, os.urandom)


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
