"""Background renewal: what is due, who takes it, and that nobody renews what another one does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.naming import token_key
from authrecord.keeper.ports import Failure
from authrecord.record import Record
from authrecord.stores.sql.keeping import TAKEN_SECONDS, seconds_until_due, take_due
from authrecord.stores.sql.states import SPREAD
from authrecord.stores.sql.store import SqlStore
from tests.canary_watch import Canary
from tests.stores.contract import TurnedClock
from tests.stores.records_contract import client
from tests.stores.sql.conftest import OpenStore

LIFE = 1000.0


def live(store: SqlStore, canary: Canary, name: str) -> Record:
    """A stored record with a token that was obtained just now and lives so long."""
    record = client(canary, name)
    store.create(record)
    renew(store, canary, record)
    return record


def renew(store: SqlStore, canary: Canary, record: Record) -> None:
    with store.backend.reading() as transaction:
        now = transaction.now()
    token = Token(access_token=Secret(canary("access_token")), obtained_at=now, life=LIFE)
    assert store.settle(store.claim(token_key(record), seconds=45, patience=0), token) is not None


def test_a_record_is_due_ahead_of_need_and_once(store: SqlStore, canary: Canary, clock: TurnedClock) -> None:
    record = live(store, canary, "orders")
    assert take_due(store, worker="one", limit=10) == []
    clock.now += LIFE - 30
    assert take_due(store, worker="one", limit=10) == ["orders"]
    assert take_due(store, worker="two", limit=10) == []
    renew(store, canary, record)
    assert take_due(store, worker="two", limit=10) == []
    clock.now += LIFE - 30
    assert take_due(store, worker="two", limit=10) == ["orders"]


def test_a_worker_that_died_loses_what_it_took(store: SqlStore, canary: Canary, clock: TurnedClock) -> None:
    live(store, canary, "orders")
    clock.now += LIFE
    assert take_due(store, worker="one", limit=10) == ["orders"]
    clock.now += TAKEN_SECONDS + 1
    assert take_due(store, worker="two", limit=10) == ["orders"]


def test_J10_records_that_began_together_are_due_apart(
    store: SqlStore, canary: Canary, clock: TurnedClock
) -> None:
    for number in range(30):
        live(store, canary, f"r{number:02}")
    with store.backend.reading() as transaction:
        due = [row[0] for row in transaction.rows("SELECT renew_at FROM records")]
        (latest,) = (max(row[0] for row in transaction.rows("SELECT live_until FROM records")),)
    assert max(due) - min(due) > LIFE * SPREAD / 4
    assert latest - LIFE * (SPREAD + 0.1) - 5 <= min(due) <= max(due) < latest


def test_what_needs_a_person_or_was_forgotten_is_not_taken(
    store: SqlStore, canary: Canary, clock: TurnedClock
) -> None:
    for name, code in (("dead", "needs_login"), ("gone", ""), ("unwell", "failing")):
        record = live(store, canary, name)
        if code:
            claim = store.claim(token_key(record), seconds=45, patience=0)
            store.fail(claim, Failure(code, code, "", 60))
        else:
            store.forget(token_key(record))
    clock.now += 2 * LIFE
    assert take_due(store, worker="one", limit=10) == ["unwell"]


def test_workers_share_what_is_due(
    store: SqlStore, open_store: OpenStore, canary: Canary, clock: TurnedClock
) -> None:
    for number in range(24):
        live(store, canary, f"r{number:02}")
    clock.now += LIFE
    others = [store, *(open_store(clock) for _ in range(3))]

    def take(one: SqlStore) -> list[str]:
        """Until nothing is left; what another one is just taking is passed over."""
        taken: list[str] = []
        while found := take_due(one, worker="any", limit=3):
            taken += found
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [name for names in pool.map(take, others) for name in names]
    taken += take(store)
    assert sorted(taken) == [f"r{number:02}" for number in range(24)]


def test_the_next_due_moment_is_known(store: SqlStore, canary: Canary, clock: TurnedClock) -> None:
    assert seconds_until_due(store, 5.0) == 5.0
    live(store, canary, "orders")
    left = seconds_until_due(store, 10_000.0)
    assert LIFE * (1 - SPREAD) - 100 - 5 < left < LIFE
