"""When records were last used: noted by requests, written by a thread, seldom."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from authrecord.keeper.ports import Filter
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.uses import EVERY_SECONDS, MOST, Uses
from tests.canary_watch import Canary
from tests.stores.contract import TurnedClock
from tests.stores.records_contract import client, key


def used(store: SqlStore) -> dict[str, float | None]:
    return {one.name: one.used_at for one in store.page(Filter()).lines}


def written(uses: Uses) -> None:
    """Wait for the thread that writes."""
    thread = uses._thread
    if thread is not None:
        thread.join(20)
        assert not thread.is_alive()


def test_a_use_is_written_once_a_minute(store: SqlStore, clock: TurnedClock, canary: Canary) -> None:
    store.create(client(canary))
    store.create(key(canary))
    uses = Uses(store, clock.monotonic)
    uses.note("orders")
    written(uses)
    first = used(store)
    assert first["orders"] is not None
    assert first["weather"] is None
    clock.now += EVERY_SECONDS - 1
    uses.note("orders")
    written(uses)
    assert used(store) == first
    clock.now += 1
    uses.note("orders")
    uses.note("nobody's")
    written(uses)
    later = used(store)["orders"]
    assert later is not None
    assert later > first["orders"]


def test_what_ends_writes_what_is_left(store: SqlStore, canary: Canary, clock: TurnedClock) -> None:
    store.create(client(canary))
    uses = Uses(store, clock.monotonic)
    uses.flush()
    uses._waiting.add("orders")
    uses.flush()
    assert used(store)["orders"] is not None


def test_a_store_that_cannot_be_written_costs_no_request_anything(
    store: SqlStore, canary: Canary, caplog: pytest.LogCaptureFixture, clock: TurnedClock
) -> None:
    store.create(client(canary))
    uses = Uses(store, clock.monotonic)
    with store.backend.writing() as transaction:
        transaction.change("ALTER TABLE records RENAME TO gone")
    with caplog.at_level(logging.DEBUG, "authrecord"):
        uses.note("orders")
        written(uses)
    assert "could not be written" in caplog.text
    with store.backend.writing() as transaction:
        transaction.change("ALTER TABLE gone RENAME TO records")


def test_names_are_not_remembered_without_end(store: SqlStore, clock: TurnedClock) -> None:
    uses = Uses(store, clock.monotonic)
    uses._noted = {str(number): clock.monotonic() for number in range(MOST)}
    uses.note("one more")
    written(uses)
    assert list(uses._noted) == ["one more"]


def test_I15_a_forked_child_writes_only_what_it_notes_itself(
    store: SqlStore, clock: TurnedClock, canary: Canary
) -> None:
    store.create(client(canary))
    uses = Uses(store, clock.monotonic)
    uses._waiting.add("orders")
    steps: tuple[Callable[[], None], ...] = (uses.before_fork, uses.after_fork_in_child, uses.flush)
    for step in steps:
        step()
    assert used(store)["orders"] is None
    uses.before_fork()
    uses.after_fork_in_parent()
    uses.note("orders")
    written(uses)
    assert used(store)["orders"] is not None
