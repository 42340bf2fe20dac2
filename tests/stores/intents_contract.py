"""What a store must do with intents, and with failures that all processes share; a part of `contract`."""

from __future__ import annotations

import pytest

from authrecord.core.errors import TryLater
from authrecord.core.secret import Secret
from authrecord.keeper.ports import Failure, TokenStore
from tests.canary_watch import Canary

from .contract_parts import ORDERS, StoreFixtures, TurnedClock, plain_token


class IntentsContract(StoreFixtures):
    """See the module."""

    def test_I10_an_intent_that_nobody_closed_reaches_the_next_holder(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock, canary: Canary
    ) -> None:
        sent = Secret(canary("refresh_token"))
        self.save(store, ORDERS, plain_token(canary))
        claim = store.claim(ORDERS, seconds=45, patience=0)
        assert claim.intent is None
        assert store.intend(claim, sent, seconds=20)
        clock.now += 46
        intent = other.claim(ORDERS, seconds=45, patience=0).intent
        assert intent is not None
        assert (intent.generation, intent.fingerprint) == (1, other.fingerprint(sent))
        assert intent.owner
        assert intent.started_at > 1_700_000_000

    def test_I10_a_released_claim_leaves_its_intent_open(
        self, store: TokenStore, other: TokenStore, canary: Canary
    ) -> None:
        claim = store.claim(ORDERS, seconds=45, patience=0)
        assert store.intend(claim, None, seconds=20)
        store.release(claim)
        found = other.claim(ORDERS, seconds=45, patience=0).intent
        assert found is not None
        assert found.fingerprint == ""

    def test_settle_closes_the_intent(self, store: TokenStore, other: TokenStore, canary: Canary) -> None:
        claim = store.claim(ORDERS, seconds=45, patience=0)
        assert store.intend(claim, Secret(canary("refresh_token")), seconds=20)
        assert store.settle(claim, plain_token(canary)) is not None
        assert other.claim(ORDERS, seconds=45, patience=0).intent is None

    def test_I7_nothing_is_sent_with_a_claim_that_is_over_or_nearly_so(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock
    ) -> None:
        claim = store.claim(ORDERS, seconds=45, patience=0)
        clock.now += 30
        assert store.intend(claim, None, seconds=10)
        assert not store.intend(claim, None, seconds=20)
        clock.now += 16
        assert not store.intend(claim, None, seconds=0)
        other.claim(ORDERS, seconds=45, patience=0)
        assert not store.intend(claim, None, seconds=0)

    def test_I18_nothing_is_sent_for_what_was_forgotten(self, store: TokenStore, other: TokenStore) -> None:
        claim = store.claim(ORDERS, seconds=45, patience=0)
        other.forget(ORDERS)
        assert not store.intend(claim, None, seconds=0)

    def test_I6_a_failure_is_known_to_everybody_until_its_pause_is_over(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock
    ) -> None:
        store.fail(
            store.claim(ORDERS, seconds=45, patience=0), Failure("failing", "provider_unwell", "It is.", 60)
        )
        claim = other.claim(ORDERS, seconds=45, patience=0)
        assert claim.failure is not None
        assert (claim.failure.state, claim.failure.code, claim.failure.message) == (
            "failing",
            "provider_unwell",
            "It is.",
        )
        assert 0 < claim.failure.quiet_seconds <= 60
        assert claim.failures == 1
        other.fail(claim, Failure("failing", "provider_unwell", "It is.", 60))
        clock.now += 61
        again = store.claim(ORDERS, seconds=45, patience=0)
        assert (again.failure, again.failures) == (None, 2)

    def test_a_new_token_ends_every_failure(
        self, store: TokenStore, other: TokenStore, canary: Canary
    ) -> None:
        store.fail(
            store.claim(ORDERS, seconds=45, patience=0), Failure("needs_login", "login_required", "", 9999)
        )
        self.save(other, ORDERS, plain_token(canary))
        claim = store.claim(ORDERS, seconds=45, patience=0)
        assert (claim.failure, claim.failures) == (None, 0)

    @pytest.mark.parametrize("unknown", [False, True])
    def test_I9_a_failure_closes_the_intent_unless_nobody_knows_the_outcome(
        self, store: TokenStore, other: TokenStore, unknown: bool
    ) -> None:
        claim = store.claim(ORDERS, seconds=45, patience=0)
        assert store.intend(claim, None, seconds=20)
        store.fail(claim, Failure("failing", "network", "Lost.", 1, outcome_unknown=unknown))
        assert (other.claim(ORDERS, seconds=45, patience=0).intent is not None) is unknown

    def test_I7_a_late_holder_fails_for_nobody_else(
        self, store: TokenStore, other: TokenStore, clock: TurnedClock
    ) -> None:
        late = store.claim(ORDERS, seconds=45, patience=0)
        clock.now += 46
        other.claim(ORDERS, seconds=45, patience=0)
        store.fail(late, Failure("failing", "network", "Lost.", 60))
        with pytest.raises(TryLater):
            store.claim(ORDERS, seconds=45, patience=0)

    def test_N15_fingerprints_are_equal_for_equal_secrets_and_hold_nothing_of_them(
        self, store: TokenStore, other: TokenStore, canary: Canary
    ) -> None:
        one, two = canary("refresh_token"), canary("access_token")
        assert store.fingerprint(Secret(one)) == other.fingerprint(Secret(one))
        assert store.fingerprint(Secret(one)) != store.fingerprint(Secret(two))
        assert len(store.fingerprint(Secret(one))) == 64
