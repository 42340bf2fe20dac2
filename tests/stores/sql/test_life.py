"""A model of a record's life, held against the real stores: whatever happens to it, in whatever order.

The model knows little: what was saved, which login is alive at the provider, and what a caller may be told. The
provider is the honest one, without a network: it rotates, detects reuse, and gives no grace.
`AUTHRECORD_LIVES=50` lets fifty times as many examples run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.memory import MemoryBackend
from authrecord.stores.sql.postgres import PostgresBackend
from authrecord.stores.sql.sqlite import SqliteBackend
from tests.canary_watch import Canary
from tests.keeper.parts import HandClock

from .life import Life

# A life is many steps on a real database: on a busy machine the usual two minutes are too few.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def check_lives(
    canary: Canary,
    examples: int,
    new_place: Callable[[], str],
    open_backend: Callable[[str, HandClock], Backend],
) -> None:
    """Let so many lives pass."""
    attributes = {
        "new_place": staticmethod(new_place),
        "open_backend": staticmethod(open_backend),
        "make_secret": staticmethod(canary.make),
        "survives_closing": open_backend is not in_memory,
    }
    many = examples * int(os.environ.get("AUTHRECORD_LIVES", "1"))
    how = settings(max_examples=many, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(type("LifeInAStore", (Life,), attributes), settings=how)


def in_memory(place: str, clock: HandClock) -> Backend:
    """A store that lives as long as its backend."""
    return MemoryBackend(place, clock)


def on_sqlite(place: str, clock: HandClock) -> Backend:
    """A store in a file."""
    return SqliteBackend(place, clock)


def on_postgres(place: str, clock: HandClock) -> Backend:
    """A store in a database whose clock is turned with ours."""
    return PostgresBackend(place, skew=clock.monotonic)


@pytest.mark.slow
def test_a_life_in_memory(canary: Canary) -> None:
    """No rule, in whatever order, breaks an invariant."""
    check_lives(canary, 40, lambda: "memory", in_memory)


@pytest.mark.slow
def test_a_life_on_sqlite(canary: Canary, tmp_path: Path) -> None:
    """The same in a file."""
    numbers = count(1)
    check_lives(canary, 15, lambda: str(tmp_path / f"life-{next(numbers)}" / "store.sqlite"), on_sqlite)


@pytest.mark.slow
def test_a_life_on_postgresql(canary: Canary, new_database: Callable[[], str]) -> None:
    """The same in PostgreSQL."""
    check_lives(canary, 3, new_database, on_postgres)
