"""What of a renewal is on the disk when it is said to be there, on SQLite: see decision 65."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authrecord.core import faults
from authrecord.keeper.ports import Failure
from authrecord.stores.sql.sqlite import SqliteBackend
from authrecord.stores.sql.store import SqlStore
from tests.canary_watch import Canary
from tests.stores.contract import ORDERS, full_token

NORMAL, FULL = 1, 2
"""What SQLite calls a commit that stays in the system's memory, and one that is flushed to the disk."""


@pytest.fixture(params=["sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def levels(store: SqlStore) -> Iterator[dict[str, int]]:
    """How each transaction is about to be committed, by the name of the point just before that."""
    found: dict[str, int] = {}
    backend = store.backend
    assert isinstance(backend, SqliteBackend)

    def look(point: str) -> None:
        if point.endswith("before_commit"):
            with backend.raw() as connection:
                found[point] = connection.execute("PRAGMA synchronous").fetchone()[0]

    faults.install(look)
    yield found
    faults.install(None)


def test_I10_a_token_and_an_intent_are_flushed_and_a_claim_is_not(
    store: SqlStore, levels: dict[str, int], canary: Canary
) -> None:
    token = full_token(canary)
    claim = store.claim(ORDERS, seconds=30, patience=0)
    assert store.intend(claim, token.refresh_token, seconds=1)
    assert store.settle(claim, token) is not None
    assert levels == {
        "refresh.claim.before_commit": NORMAL,
        "refresh.intent.before_commit": FULL,
        "refresh.before_commit": FULL,
    }


def test_a_failure_is_flushed_and_what_only_ends_a_claim_is_not(
    store: SqlStore, levels: dict[str, int]
) -> None:
    store.release(store.claim(ORDERS, seconds=30, patience=0))
    store.fail(store.claim(ORDERS, seconds=30, patience=0), Failure("failing", "network", "no answer", 1.0))
    store.forget(ORDERS)
    assert levels == {
        "refresh.claim.before_commit": NORMAL,
        "refresh.release.before_commit": NORMAL,
        "refresh.fail.before_commit": FULL,
        "token.forget.before_commit": FULL,
    }
