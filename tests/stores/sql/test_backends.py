"""What every backend must do, whichever database it is."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from authrecord.core.errors import StoreFault
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.schema import MIGRATIONS
from authrecord.stores.sql.sqlite import SqliteBackend
from tests.stores.contract import TurnedClock
from tests.stores.sql.conftest import OpenBackend

PUT = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
FULL = 2
"""How SQLite says `synchronous=FULL`."""
GET = "SELECT value FROM meta WHERE name = ?"


def value_of(backend: Backend, name: str) -> str | None:
    with backend.reading() as transaction:
        row = transaction.row(GET, (name,))
    return None if row is None else str(row[0])


@pytest.fixture
def other(backend: Backend, open_backend: OpenBackend, clock: TurnedClock) -> Backend:
    """The same database, as another process has it."""
    return open_backend(clock)


def test_what_is_written_is_there_for_everybody(backend: Backend, other: Backend) -> None:
    with backend.writing() as transaction:
        assert transaction.change(PUT, ("a", "1")) == 1
        transaction.change_many(PUT, [("b", "2"), ("c", "3")])
    with other.reading() as transaction:
        rows = transaction.rows(
            "SELECT name, value FROM meta WHERE name IN (?, ?, ?) ORDER BY name", ("a", "b", "c")
        )
        assert [tuple(row) for row in rows] == [("a", "1"), ("b", "2"), ("c", "3")]
        assert transaction.row(GET, ("d",)) is None


def test_binary_values_come_back_as_bytes(backend: Backend) -> None:
    value = bytes(range(256))
    with backend.writing() as transaction:
        transaction.change(
            "INSERT INTO audit_heads (tenant, seq, hash) VALUES (?, ?, ?)", ("t", 2**40, value)
        )
        row = transaction.row("SELECT seq, hash FROM audit_heads WHERE tenant = ?", ("t",))
    assert row is not None
    assert (row[0], type(row[1]), row[1]) == (2**40, bytes, value)


def test_an_exception_rolls_back(backend: Backend, other: Backend) -> None:
    def fails() -> None:
        with backend.writing() as transaction:
            transaction.change(PUT, ("a", "1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert value_of(other, "a") is None
    with backend.writing() as transaction:
        transaction.change(PUT, ("a", "2"))
    assert value_of(other, "a") == "2"


def test_what_need_not_be_on_disk_is_there_for_everybody_and_rolled_back_alike(
    backend: Backend, other: Backend
) -> None:
    def fails() -> None:
        with backend.writing(on_disk=False) as transaction:
            transaction.change(PUT, ("a", "2"))
            raise ZeroDivisionError

    with backend.writing(on_disk=False) as transaction:
        transaction.change(PUT, ("a", "1"))
    with pytest.raises(ZeroDivisionError):
        fails()
    assert value_of(other, "a") == "1"


@pytest.mark.parametrize("kind", ["sqlite"])
def test_every_transaction_is_flushed_beside_those_that_need_not_be(backend: Backend) -> None:
    def flushed(**options: bool) -> bool:
        with backend.writing(**options) as transaction:
            row = transaction.row("PRAGMA synchronous")
        assert row is not None
        return bool(row[0] == FULL)

    assert [flushed(), flushed(on_disk=False), flushed(on_disk=False), flushed()] == [
        True,
        False,
        False,
        True,
    ]
    with contextlib.suppress(ZeroDivisionError), backend.writing(on_disk=False):
        raise ZeroDivisionError
    assert flushed()
    assert not flushed(on_disk=False)
    with backend.raw() as connection:  # type: ignore[attr-defined]  # it is the one for SQLite
        connection.execute("BEGIN")
    with pytest.raises(StoreFault), backend.writing():  # what cannot be flushed is not written
        pass


def test_a_faulty_statement_is_a_fault_without_its_values(backend: Backend) -> None:
    with pytest.raises(StoreFault) as caught, backend.writing() as transaction:
        transaction.change("INSERT INTO nowhere (a) VALUES (?)", ("hidden words",))
    assert "hidden" not in str(caught.value)
    assert value_of(backend, "schema") is not None


def test_writers_follow_one_another(backend: Backend, other: Backend) -> None:
    with backend.writing() as transaction:
        transaction.change(PUT, ("counter", "0"))

    def count(number: int) -> None:
        one = backend if number % 2 else other
        with one.writing() as transaction:
            row = transaction.row(GET + one.for_update, ("counter",))
            assert row is not None
            transaction.change(PUT, ("counter", str(int(row[0]) + 1)))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(count, range(60)))
    assert value_of(backend, "counter") == "60"


def test_whoever_waits_is_woken(backend: Backend) -> None:
    woken = threading.Event()

    def wait_for_it() -> None:
        with backend.waiting("topic") as wait:
            ready.set()
            while not woken.is_set():
                wait(0.05 if backend.kind != "postgres" else 30)
                if value_of(backend, "a") is not None:
                    woken.set()

    ready = threading.Event()
    thread = threading.Thread(target=wait_for_it)
    thread.start()
    assert ready.wait(20)
    with backend.writing() as transaction:
        transaction.change(PUT, ("a", "1"))
        transaction.notify("topic")
    assert woken.wait(20)
    thread.join()


def test_pauses_never_end_and_stay_short_enough(backend: Backend) -> None:
    pauses = backend.pauses()
    assert all(0 < next(pauses) <= 6 for _ in range(100))


def test_J1_time_is_the_databases(backend: Backend, clock: TurnedClock) -> None:
    with backend.reading() as transaction:
        before, ticks = transaction.now(), transaction.ticks()
    clock.now += 100
    with backend.reading() as transaction:
        assert transaction.now() - before >= 100
        assert transaction.ticks() - ticks >= 100


def test_tables_are_known_by_name(backend: Backend) -> None:
    with backend.reading() as transaction:
        assert transaction.has_table("records")
        assert not transaction.has_table("unheard_of")


def test_a_closed_backend_is_not_used(backend: Backend) -> None:
    backend.close()
    with pytest.raises(StoreFault, match="closed"):
        value_of(backend, "a")


def test_wiping_and_making_room_are_no_faults(backend: Backend) -> None:
    backend.wipe()
    assert backend.make_room() is (backend.kind == "sqlite")
    assert not backend.make_room()
    assert value_of(backend, "schema") == str(len(MIGRATIONS))


def test_the_machines_own_clock_serves_as_well(open_backend: OpenBackend) -> None:
    backend = open_backend(time)
    with backend.reading() as transaction:
        assert abs(transaction.now() - time.time()) < 60


def test_a_mark_stays_while_nothing_is_committed_and_no_commit_leaves_it(
    backend: Backend, other: Backend
) -> None:
    assert any(backend.mark() == backend.mark() is not None for _ in range(10))
    before = backend.mark()
    with backend.writing() as transaction:
        transaction.change(PUT, ("a", "1"))
    assert backend.mark() != before, "what this process commits shows at once"
    before, end = backend.mark(), time.monotonic() + 10
    with other.writing() as transaction:
        transaction.change(PUT, ("a", "2"))
    while backend.mark() == before:
        assert time.monotonic() < end, "what another process commits shows soon"
        time.sleep(0.01)


def test_K8_a_file_that_took_the_place_of_another_has_another_mark(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    backend = SqliteBackend(str(path), time)
    before = backend.mark()
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    assert backend.mark() != before
    path.unlink()
    assert backend.mark() is None
    backend.close()
    assert backend.mark() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_I15_a_forked_child_has_a_mark_of_its_own(tmp_path: Path) -> None:
    backend = SqliteBackend(str(tmp_path / "store.sqlite"), time)
    before = backend.mark()
    child = os.fork()
    if child == 0:
        os._exit(0 if backend.mark() is not None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert backend.mark() == before
    backend.close()
