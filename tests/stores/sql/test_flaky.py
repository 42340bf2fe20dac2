"""The contracts hold when one transaction in five fails, before its effect or behind it, and the caller tries again."""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from authrecord.core.contracts import Clock
from authrecord.keeper.ports import RecordStore, TokenStore
from authrecord.stores.kek import LocalKek
from authrecord.stores.sql.audit_verifying import verify
from authrecord.stores.sql.backend import Backend
from authrecord.stores.sql.migrating import migrate
from authrecord.stores.sql.store import SqlStore
from authrecord.stores.sql.tenants import DEFAULT, initialise
from authrecord.stores.sql.vault import Vault
from tests.canary_watch import Canary
from tests.stores.contract import ORDERS, Opener, StoreContract, TurnedClock, plain_token
from tests.stores.flaky import FlakyBackend, Patient
from tests.stores.records_contract import RecordsContract
from tests.stores.sql.conftest import OpenBackend


class Flaky:
    """Opens stores on a database that fails; at the end the audit log must be whole."""

    def __init__(self, open_backend: OpenBackend, kek: LocalKek, seed: str) -> None:
        self.backends: list[FlakyBackend] = []
        self._open_backend = open_backend
        self._kek = kek
        self._random = random.Random(seed)

    def __call__(self, clock: Clock) -> Any:
        flaky = FlakyBackend(self._open_backend(clock), self._random)
        self.backends.append(flaky)
        backend = cast("Backend", flaky)
        vault = Vault(self._kek, os.urandom)
        migrate(backend)
        initialise(backend, vault)
        flaky.begin()
        return Patient(SqlStore(backend, vault, tenant=DEFAULT, actor="test"))

    def check_end(self) -> None:
        """The chain of the audit log holds, whatever failed."""
        for flaky in self.backends[:1]:
            flaky.part = 0.0
            with flaky.reading() as transaction:
                verified = verify(transaction, Vault(self._kek, os.urandom), DEFAULT)
            assert verified.holds, verified.breaks


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    """With locks of the operating system behind the claims, and without."""
    return str(request.param)


@pytest.fixture
def flaky(open_backend: OpenBackend, kek: LocalKek, request: pytest.FixtureRequest) -> Iterator[Flaky]:
    """Fails in the same way each time that the test runs."""
    made = Flaky(open_backend, kek, request.node.name)
    yield made
    made.check_end()


class TestFlakyTokens(StoreContract):
    """The contract of token stores."""

    @pytest.fixture
    def opened(self, flaky: Flaky) -> Opener:
        def opens(clock: Clock) -> TokenStore:
            return cast("TokenStore", flaky(clock))

        return opens

    def test_I1_of_many_threads_one_at_a_time_renews(
        self, store: TokenStore, other: TokenStore, canary: Canary
    ) -> None:
        """Who is not told that it has saved may find that others have saved since; the count is right all the same."""
        inside, most = threading.Semaphore(1), []
        tokens = [plain_token(canary) for _ in range(48)]

        def renew(number: int) -> None:
            handle = store if number % 2 else other
            claim = handle.claim(ORDERS, seconds=30, patience=60)
            most.append(inside.acquire(blocking=False))
            inside.release()
            handle.settle(claim, tokens[number])

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(renew, range(48)))
        stored = store.load(ORDERS)
        assert stored is not None
        assert stored.generation == 48
        assert any(stored.is_same(token) for token in tokens)
        assert all(most)


class TestFlakyRecords(RecordsContract):
    """The contract of record stores."""

    @pytest.fixture
    def records(self, flaky: Flaky, clock: TurnedClock) -> RecordStore:
        return cast("RecordStore", flaky(clock))


def test_the_injector_fails_in_every_way(open_backend: OpenBackend, clock: TurnedClock) -> None:
    """A proof against an injector that injects nothing would be none."""
    backend = open_backend(clock)
    migrate(backend)
    flaky = FlakyBackend(backend, random.Random(1))
    flaky.begin()
    patient = Patient(_Meta(flaky))
    for number in range(300):
        patient.put(str(number))
    assert Counter(flaky.met).keys() >= {"before", "during", "commit", "after"}
    assert 20 < sum(flaky.met.values()) < 150
    flaky.part = 0.0
    with flaky.reading() as transaction:
        assert transaction.row("SELECT value FROM meta WHERE name = ?", ("number",)) == ("299",)


class _Meta:
    """The least of a store: one value."""

    def __init__(self, backend: FlakyBackend) -> None:
        self._backend = backend

    def put(self, value: str) -> None:
        """Write it, in two statements."""
        with self._backend.writing() as transaction:
            transaction.change("DELETE FROM meta WHERE name = ?", ("number",))
            transaction.change("INSERT INTO meta (name, value) VALUES (?, ?)", ("number", value))
