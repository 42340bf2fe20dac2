"""The tables come to the newest version, one step a transaction, and programs that are too old say so."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from authrecord.core import faults
from authrecord.core.errors import StoreFault
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.migrating import migrate, needs_migration, version_of
from authrecord.stores.sql.schema import MIGRATIONS, Migration
from tests.stores.contract import TurnedClock
from tests.stores.sql.conftest import OpenBackend

COMPATIBLE = (*MIGRATIONS, Migration("CREATE TABLE later (a {integer} NOT NULL)", works_with=1))
BREAKING = (*COMPATIBLE, Migration("ALTER TABLE later RENAME TO still_later", works_with=len(MIGRATIONS) + 2))
NOW, NEXT, LAST = len(MIGRATIONS), len(COMPATIBLE), len(BREAKING)


def version(backend: Backend) -> int:
    with backend.reading() as transaction:
        return version_of(transaction)


@pytest.fixture
def empty(open_backend: OpenBackend, clock: TurnedClock) -> Backend:
    return open_backend(clock)


def test_an_empty_database_gets_every_table_once(empty: Backend) -> None:
    assert version(empty) == 0
    assert needs_migration(empty)
    assert migrate(empty) == len(MIGRATIONS)
    assert migrate(empty) == len(MIGRATIONS)
    assert not needs_migration(empty)


def test_K13_a_new_program_brings_old_tables_up(empty: Backend) -> None:
    migrate(empty)
    assert migrate(empty, BREAKING) == LAST
    with empty.reading() as transaction:
        assert transaction.has_table("still_later")


@pytest.mark.parametrize("number", range(1, LAST + 1))
def test_K13_an_interrupted_step_leaves_the_version_before(empty: Backend, number: int) -> None:
    steps = []

    def broken(name: str) -> None:
        steps.append(name)
        if steps.count("store.migrate.step") == number:
            raise InterruptedError

    faults.install(broken)
    try:
        with pytest.raises(InterruptedError):
            migrate(empty, BREAKING)
    finally:
        faults.install(None)
    assert version(empty) == number - 1
    assert migrate(empty, BREAKING) == LAST


def test_K13_an_old_program_on_new_tables_says_what_it_needs(empty: Backend) -> None:
    migrate(empty, BREAKING)
    with pytest.raises(StoreFault, match=f"version {LAST} of the tables") as caught:
        migrate(empty)
    assert caught.value.code == "schema"
    assert "or newer" in caught.value.hint
    assert version(empty) == LAST


def test_K17_an_old_program_goes_on_beside_tables_that_allow_it(empty: Backend) -> None:
    migrate(empty, COMPATIBLE)
    assert not needs_migration(empty)
    assert migrate(empty) == len(MIGRATIONS)
    assert version(empty) == NEXT


def test_K17_two_programs_that_begin_at_once_make_the_tables_once(
    empty: Backend, open_backend: OpenBackend, clock: TurnedClock
) -> None:
    others = [empty, *(open_backend(clock) for _ in range(3))]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate, others)) == [NOW] * 4
    assert version(empty) == NOW
