"""What every token store must do. A store joins by a class with one fixture:

```python
class TestPostgresStore(StoreContract):
    @pytest.fixture
    def opened(self, ...) -> Opener: return lambda clock: PostgresStore(url, key, clock)
```

`opened` gives a handle on one and the same storage each time it is called; a memory store gives the same handle.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from authrecord.core.errors import TryLater
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.ports import Failure, TokenStore
from tests.canary_watch import Canary

from .contract_parts import BILLING, ORDERS, ORDERS_EDITED, Opener, TurnedClock, full_token, plain_token
from .intents_contract import IntentsContract

__all__ = [
    "BILLING",
    "ORDERS",
    "ORDERS_EDITED",
    "Opener",
    "StoreContract",
    "TurnedClock",
    "full_token",
    "plain_token",
]


class StoreContract(IntentsContract):
    """The suite; see the module."""

    def test_nothing_is_there_at_first(self, store: TokenStore) -> None:
        assert store.load(ORDERS) is None

    def test_every_field_comes_back(self, store: TokenStore, other: TokenStore, canary: Canary) -> None:
        token = full_token(canary)
        assert self.save(store, ORDERS, token) == token.numbered(1)
        assert other.load(ORDERS) == token.numbered(1)

    def test_absent_fields_stay_absent(self, store: TokenStore, other: TokenStore, canary: Canary) -> None:
        token = Token(access_token=Secret(canary("access_token")), obtained_at=0.0, scope="")
        self.save(store, ORDERS, token)
        loaded = other.load(ORDERS)
        assert loaded == token.numbered(1)
        assert loaded is not None
        assert (loaded.life, loaded.refresh_token, loaded.id_token, loaded.scope) == (None, None, None, "")

    def test_J7_a_life_of_zero_is_a_value(self, store: TokenStore, other: TokenStore, canary: Canary) -> None:
        token = Token(access_token=Secret(canary("access_token")), obtained_at=5.0, life=0.0)
        self.save(store, ORDERS, token)
        loaded = other.load(ORDERS)
        assert loaded is not None
        assert loaded.life == 0.0

    def test_J1_the_monotonic_time_of_a_process_is_not_stored(
        self, store: TokenStore, canary: Canary
    ) -> None:
        token = Token(access_token=Secret(canary("access_token")), obtained_at=5.0, obtained_monotonic=7.0)
        self.save(store, ORDERS, token)
        loaded = store.load(ORDERS)
        assert loaded is not None
        assert loaded.obtained_monotonic is None

    def test_generations_count_renewals(self, store: TokenStore, canary: Canary) -> None:
        for generation in (1, 2, 3):
            claim = store.claim(ORDERS, seconds=30, patience=0)
            assert claim.generation == generation - 1
            saved = store.settle(claim, plain_token(canary))
            assert saved is not None
            assert saved.generation == generation

    def test_a_claim_brings_the_token_as_it_stands(
        self, store: TokenStore, other: TokenStore, canary: Canary
    ) -> None:
        saved = self.save(store, ORDERS, full_token(canary))
        claim = other.claim(ORDERS, seconds=30, patience=0)
        assert (claim.key, claim.generation, claim.token) == (ORDERS, 1, saved)

    def test_holders_are_unique(self, store: TokenStore, clock: TurnedClock) -> None:
        holders = set()
        for _ in range(10):
            holders.add(store.claim(ORDERS, seconds=30, patience=0).holder)
            clock.now += 31
        assert len(holders) == 10

    def test_a_claim_keeps_others_out(self, store: TokenStore, other: TokenStore) -> None:
        store.claim(ORDERS, seconds=30, patience=0)
        for handle in (store, other):
            with pytest.raises(TryLater) as caught:
                handle.claim(ORDERS, seconds=30, patience=0.01)
            assert caught.value.code == "store_busy"

    def test_I16_two_records_do_not_wait_for_each_other(self, store: TokenStore, other: TokenStore) -> None:
        store.claim(ORDERS, seconds=30, patience=0)
        assert other.claim(BILLING, seconds=30, patience=0).key == BILLING
        assert other.claim(ORDERS_EDITED, seconds=30, patience=0).key == ORDERS_EDITED

    def test_release_lets_the_next_one_in(self, store: TokenStore, other: TokenStore) -> None:
        claim = store.claim(ORDERS, seconds=30, patience=0)
        store.release(claim)
        store.release(claim)
        assert other.claim(ORDERS, seconds=30, patience=0).generation == 0

    def test_settle_lets_the_next_one_in(self, store: TokenStore, other: TokenStore, canary: Canary) -> None:
        self.save(store, ORDERS, plain_token(canary))
        assert other.claim(ORDERS, seconds=30, patience=0).generation == 1

    def test_a_claim_ends_with_its_seconds(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock
    ) -> None:
        store.claim(ORDERS, seconds=30, patience=0)
        clock.now += 25  # the database's own clock goes on beside this one
        with pytest.raises(TryLater):
            other.claim(ORDERS, seconds=30, patience=0)
        clock.now += 6
        other.claim(ORDERS, seconds=30, patience=0)

    def test_I7_a_late_holder_changes_nothing(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock, canary: Canary
    ) -> None:
        late = store.claim(ORDERS, seconds=30, patience=0)
        clock.now += 31
        newer = self.save(other, ORDERS, plain_token(canary, "newer"))
        assert store.settle(late, plain_token(canary, "late")) is None
        assert store.load(ORDERS) == newer

    def test_I7_the_release_of_a_late_holder_frees_nobody_else(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock
    ) -> None:
        late = store.claim(ORDERS, seconds=30, patience=0)
        clock.now += 31
        other.claim(ORDERS, seconds=30, patience=0)
        store.release(late)
        with pytest.raises(TryLater):
            store.claim(ORDERS, seconds=30, patience=0)

    def test_a_late_holder_whom_nobody_overtook_still_saves(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock, canary: Canary
    ) -> None:
        """The server has spent the old refresh token: the new one is kept while the store has not moved on."""
        late = store.claim(ORDERS, seconds=30, patience=0)
        clock.now += 31
        overtaking = other.claim(ORDERS, seconds=30, patience=0)
        saved = store.settle(late, plain_token(canary, "late"))
        assert saved is not None
        assert other.settle(overtaking, plain_token(canary, "overtaking")) is None
        assert other.load(ORDERS) == saved

    def test_I7_nothing_is_sent_once_a_late_holder_has_saved(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock, canary: Canary
    ) -> None:
        """What the overtaking claim was given has been spent: sending it would end the login."""
        late = store.claim(ORDERS, seconds=30, patience=0)
        clock.now += 31
        overtaking = other.claim(ORDERS, seconds=30, patience=0)
        assert store.settle(late, plain_token(canary, "late")) is not None
        assert not other.intend(overtaking, None, seconds=0)

    def test_I7_a_failure_after_a_late_holder_has_saved_is_told_to_nobody(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock, canary: Canary
    ) -> None:
        """The provider refused what was spent; the store holds what it was exchanged for."""
        late = store.claim(ORDERS, seconds=30, patience=0)
        clock.now += 31
        overtaking = other.claim(ORDERS, seconds=30, patience=0)
        saved = store.settle(late, plain_token(canary, "late"))
        other.fail(overtaking, Failure("needs_login", "refresh_refused", "refused", 3600.0))
        after = store.claim(ORDERS, seconds=30, patience=0)
        assert (after.token, after.failure) == (saved, None)

    def test_a_claim_settles_once(self, store: TokenStore, canary: Canary) -> None:
        claim = store.claim(ORDERS, seconds=30, patience=0)
        first = store.settle(claim, plain_token(canary, "first"))
        assert store.settle(claim, plain_token(canary, "second")) is None
        assert store.load(ORDERS) == first

    def test_forget_drops_every_digest_of_the_name_only(self, store: TokenStore, canary: Canary) -> None:
        for key in (ORDERS, ORDERS_EDITED, BILLING):
            self.save(store, key, plain_token(canary))
        store.forget(ORDERS)
        assert store.load(ORDERS) is None
        assert store.load(ORDERS_EDITED) is None
        assert store.load(BILLING) is not None

    @pytest.mark.parametrize("renewed_before", [False, True])
    def test_I18_a_forgotten_token_does_not_come_back(
        self, store: TokenStore, other: TokenStore, canary: Canary, renewed_before: bool
    ) -> None:
        if renewed_before:
            self.save(store, ORDERS, plain_token(canary))
        claim = store.claim(ORDERS, seconds=30, patience=0)
        other.forget(ORDERS)
        assert store.settle(claim, plain_token(canary, "late")) is None
        assert store.load(ORDERS) is None

    def test_I18_a_renewal_from_before_a_new_login_does_not_replace_it(
        self, store: TokenStore, other: TokenStore, canary: Canary
    ) -> None:
        """Forgotten and logged in again, the generation is the same: the claim is still known to be an old one."""
        self.save(store, ORDERS, plain_token(canary))
        claim = store.claim(ORDERS, seconds=30, patience=0)
        other.forget(ORDERS)
        login = self.save(other, ORDERS, plain_token(canary, "login"))
        assert login.generation == claim.generation
        assert store.settle(claim, plain_token(canary, "late")) is None
        assert other.load(ORDERS) == login

    def test_forget_ends_a_claim(self, store: TokenStore, other: TokenStore) -> None:
        store.claim(ORDERS, seconds=30, patience=0)
        other.forget(ORDERS)
        assert other.claim(ORDERS, seconds=30, patience=0).token is None

    def test_whoever_waits_gets_the_new_token(
        self, store: TokenStore, other: TokenStore, canary: Canary
    ) -> None:
        claim = store.claim(ORDERS, seconds=30, patience=0)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(other.claim, ORDERS, seconds=30, patience=20)
            saved = store.settle(claim, plain_token(canary))
            assert waiting.result().token == saved

    def test_whoever_waits_gets_in_when_the_claim_runs_out(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock
    ) -> None:
        store.claim(ORDERS, seconds=30, patience=0)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(other.claim, ORDERS, seconds=30, patience=20)
            clock.now += 31
            assert waiting.result().generation == 0

    def test_I1_of_many_threads_one_at_a_time_renews(
        self, store: TokenStore, other: TokenStore, canary: Canary
    ) -> None:
        inside, most = threading.Semaphore(1), []
        token = plain_token(canary)

        def renew(number: int) -> int:
            handle = store if number % 2 else other
            claim = handle.claim(ORDERS, seconds=30, patience=30)
            most.append(inside.acquire(blocking=False))
            inside.release()
            saved = handle.settle(claim, token)
            assert saved is not None
            return saved.generation

        with ThreadPoolExecutor(16) as pool:
            generations = sorted(pool.map(renew, range(48)))
        assert generations == list(range(1, 49))
        assert all(most)
