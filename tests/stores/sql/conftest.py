"""Databases for the tests of the store, and a clock that is turned by hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from authrecord.core.contracts import Clock
from authrecord.stores.kek import LocalKek
from authrecord.stores.sealing import SealingKey
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.memory import MemoryBackend
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.postgres import PostgresBackend
from authrecord.stores.sql.sqlite import SqliteBackend
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import initialise
from authrecord.stores.sql.vault import Vault
from tests.stores.contract import TurnedClock

KINDS = ("memory", "sqlite", "postgres")

OpenBackend = Callable[[Clock], Backend]
OpenStore = Callable[[Clock], SqlStore]


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    return str(request.param)


@pytest.fixture
def open_backend(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OpenBackend]:
    """Opens one and the same database each time it is called, as other processes do; a memory store is opened once.

    A turned clock turns the database's own time as well.
    """
    opened: list[Backend] = []
    # Asked for now, so that the database outlives whatever looks into it at the end of a test.
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""

    def opens(clock: Clock) -> Backend:
        if kind == "memory" and opened:
            return opened[0]
        backend: Backend
        if kind == "memory":
            backend = MemoryBackend("memory", clock)
        elif kind == "sqlite":
            backend = SqliteBackend(str(tmp_path / "data" / "store.sqlite"), clock)
        else:
            began = clock.monotonic()
            backend = PostgresBackend(url, skew=lambda: clock.monotonic() - began)
        opened.append(backend)
        return backend

    yield opens
    for backend in opened:
        backend.close()


@pytest.fixture
def backend(open_backend: OpenBackend, clock: TurnedClock) -> Backend:
    """A database with all tables."""
    backend = open_backend(clock)
    migrate(backend)
    return backend


@pytest.fixture
def kek() -> LocalKek:
    """A key outside of the database; the same for every handle of a test."""
    return LocalKek(SealingKey(os.urandom(32)), "env:TEST_KEY", os.urandom)


@pytest.fixture
def open_store(open_backend: OpenBackend, kek: LocalKek) -> OpenStore:
    """Opens one and the same store each time it is called, as other processes do."""

    def opens(clock: Clock) -> SqlStore:
        backend = open_backend(clock)
        vault = Vault(kek, os.urandom)
        migrate(backend)
        initialise(backend, vault)
        return SqlStore(backend, vault, actor="test")

    return opens


@pytest.fixture
def store(open_store: OpenStore, clock: TurnedClock) -> SqlStore:
    """A store that is ready."""
    return open_store(clock)
