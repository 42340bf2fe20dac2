"""One request: may it cost a renewal, may it be replayed, and the reason that the caller can read."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from authrecord.core.contracts import Clock
from authrecord.core.errors import TryLater
from authrecord.core.expiry import Expired
from authrecord.core.origin import allowed_origins
from authrecord.core.replay import Reason, ReplayPolicy
from authrecord.core.secret import Secret
from authrecord.keeper.authenticator import MOST_DESTINATIONS, Authenticator
from authrecord.keeper.gate import Source
from authrecord.keeper.live import Live
from authrecord.keeper.trust import Trust
from authrecord.record import Record
from authrecord.schemes.bearer import Bearer
from tests.canary_watch import Canary
from tests.keeper.parts import HandClock, Issuer, gate_of


@dataclass
class Stage:
    """An authenticator before an issuer whose clock is turned by hand."""

    authenticator: Authenticator
    issuer: Issuer
    clock: HandClock

    def request(
        self, method: str, answers: list[tuple[int, Expired | None]], *, replayable: bool = True
    ) -> tuple[int, Reason]:
        """Send a request to an API that gives `answers`; how many were sent, and the reason at the end."""
        attempt = self.authenticator.attempt(method, replayable)
        live = self.authenticator.credential()
        sent = 0
        for status, expired in answers:
            sent += 1
            if not attempt.wants_renewal(live, expired):
                break
            fresh = attempt.renewed(live)
            if not attempt.wants_replay(live, fresh, status):
                break
            assert fresh is not None
            live = fresh
        return sent, attempt.outcome.reason


def authenticator_of(
    source: Source, clock: Clock, *, origins: tuple[str, ...] = ("https://api.example.com",)
) -> Authenticator:
    return Authenticator(
        Record(name="orders", auth=Bearer(token=Secret("unused")), allowed_origins=origins),
        source,
        allowed=allowed_origins(origins),
        clock=clock,
        trust=Trust(clock.monotonic, lambda: 0.0),
        matcher=None,
        judges_streams=False,
        replay_policy=ReplayPolicy.ON_REFUSAL,
    )


@pytest.fixture
def stage(canary: Canary) -> Stage:
    clock = HandClock()
    issuer = Issuer(clock, canary)
    return Stage(authenticator_of(gate_of(issuer), clock), issuer, clock)


OK = (200, None)
DENIED = (401, Expired.STATUS)
SAYS_EXPIRED = (200, Expired.PATTERN)


def test_H1_a_refused_get_is_renewed_and_sent_once_more(stage: Stage) -> None:
    assert stage.request("GET", [DENIED, OK]) == (2, Reason.RENEWED_AND_REPLAYED)
    assert len(stage.issuer.calls) == 2


def test_H2_a_refused_post_is_sent_once_more(stage: Stage) -> None:
    assert stage.request("POST", [DENIED, OK]) == (2, Reason.RENEWED_AND_REPLAYED)


def test_H3_a_post_whose_answer_only_says_expired_is_renewed_and_not_repeated(stage: Stage) -> None:
    assert stage.request("POST", [SAYS_EXPIRED, OK]) == (1, Reason.METHOD_NOT_REPLAYED)
    assert len(stage.issuer.calls) == 2
    assert stage.request("GET", [SAYS_EXPIRED, OK]) == (2, Reason.RENEWED_AND_REPLAYED)


def test_H4_a_body_that_is_gone_is_not_repeated_but_the_token_is_renewed(stage: Stage) -> None:
    assert stage.request("POST", [DENIED, OK], replayable=False) == (1, Reason.BODY_NOT_REPLAYABLE)
    assert len(stage.issuer.calls) == 2


def test_H8_a_renewed_token_that_is_refused_too_ends_it_and_cools_down(stage: Stage) -> None:
    assert stage.request("GET", [DENIED, DENIED, OK]) == (2, Reason.RENEWED_TOKEN_REFUSED)
    for _ in range(50):
        assert stage.request("GET", [DENIED, DENIED, OK]) == (1, Reason.COOLING_DOWN)
    assert len(stage.issuer.calls) == 2
    stage.clock.turn(1.5)
    assert stage.request("GET", [DENIED, OK]) == (2, Reason.RENEWED_AND_REPLAYED)


def test_a_second_replay_only_if_the_token_ran_out_on_the_way(stage: Stage) -> None:
    attempt = stage.authenticator.attempt("GET", replayable=True)
    first = stage.authenticator.credential()
    assert attempt.wants_renewal(first, Expired.STATUS)
    second = attempt.renewed(first)
    assert attempt.wants_replay(first, second, 401)
    assert second is not None
    stage.clock.turn(101)
    assert attempt.wants_renewal(second, Expired.STATUS)
    third = attempt.renewed(second)
    assert attempt.wants_replay(second, third, 401)
    assert third is not None
    stage.clock.turn(101)
    assert not attempt.wants_renewal(third, Expired.STATUS)
    assert attempt.outcome.replays == 2


def test_H7_a_thousand_requests_refused_with_one_token_are_all_replayed_after_one_renewal(
    stage: Stage,
) -> None:
    live = stage.authenticator.credential()
    attempts = [stage.authenticator.attempt("GET", replayable=True) for _ in range(1000)]
    assert all(attempt.wants_renewal(live, Expired.STATUS) for attempt in attempts)
    fresh = [attempt.renewed(live) for attempt in attempts]
    assert all(attempt.wants_replay(live, one, 401) for attempt, one in zip(attempts, fresh, strict=True))
    assert len(stage.issuer.calls) == 2


def test_G11_a_good_page_that_matches_costs_one_renewal_and_then_none_for_a_while(stage: Stage) -> None:
    for _ in range(20):
        stage.request("GET", [SAYS_EXPIRED, SAYS_EXPIRED, OK])
    assert len(stage.issuer.calls) == 2


def test_G13_who_controls_the_answers_cannot_burn_a_renewal_per_request(stage: Stage) -> None:
    for _ in range(500):
        stage.request("GET", [SAYS_EXPIRED, OK])
    assert len(stage.issuer.calls) <= 22


def test_a_token_that_ran_out_by_the_clock_is_renewed_also_while_refusals_cool_down(stage: Stage) -> None:
    stage.request("GET", [DENIED, DENIED])
    stage.clock.turn(0.5)
    held = stage.authenticator.held
    assert held is not None
    stage.clock.now += 200
    stage.clock.ticks += 0.1
    attempt = stage.authenticator.attempt("GET", replayable=True)
    assert attempt.wants_renewal(held, Expired.STATUS)


def test_when_no_new_token_can_be_had_the_answer_comes_as_it_is_with_the_reason(stage: Stage) -> None:
    stage.authenticator.credential()
    stage.issuer.error = TryLater("the provider answered 503.")
    attempt = stage.authenticator.attempt("GET", replayable=True)
    live = stage.authenticator.credential()
    assert attempt.wants_renewal(live, Expired.INVALID_TOKEN)
    assert attempt.renewed(live) is None
    assert not attempt.wants_replay(live, None, 401)
    outcome = attempt.outcome
    assert (outcome.reason, outcome.expired, outcome.detail) == (
        Reason.RENEWAL_FAILED,
        Expired.INVALID_TOKEN,
        "the provider answered 503.",
    )


def test_a_provider_that_hands_out_the_same_token_again_causes_no_loop(stage: Stage, canary: Canary) -> None:
    same = canary("same")

    def secret(label: str) -> str:
        return same

    stage.issuer._secret = secret
    for _ in range(10):
        stage.request("GET", [DENIED, DENIED, DENIED])
    assert len(stage.issuer.calls) <= 3


def test_D9_releases_by_the_pieces_that_the_library_will_dial(stage: Stage) -> None:
    one = stage.authenticator
    assert one.releases("https", "api.example.com", None)
    assert one.releases("https", "API.example.com.", 443)
    for other in (
        ("http", "api.example.com", None),
        ("https", "api.example.com", 444),
        ("https", "evil", None),
    ):
        assert not one.releases(*other)
    for odd in (
        ("https", "", None),
        ("ftp", "api.example.com", None),
        ("https", "127.1", None),
        ("https", "a b", 1),
    ):
        assert not one.releases(*odd)


def test_the_memory_of_destinations_is_bounded(stage: Stage) -> None:
    for number in range(3 * MOST_DESTINATIONS):
        assert not stage.authenticator.releases("https", f"h{number}.example.net", None)
    assert len(stage.authenticator._released) <= MOST_DESTINATIONS


def test_nothing_of_a_credential_prints(stage: Stage, canary: Canary) -> None:
    live: Live = stage.authenticator.credential()
    live.prepared("test", lambda stamp: stamp.wire_headers())
    canary.scan(repr(live) + repr(stage.authenticator) + str(vars(stage.authenticator)), "repr")
    assert "Authorization" in repr(live)
