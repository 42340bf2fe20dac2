"""What the keeper tells those who count: each renewal, each wait, the few events, and nothing of a live token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from authrecord.core.errors import LoginRequired, OriginRefused, StoreFault, TryLater
from authrecord.core.expiry import Expired
from authrecord.core.origin import origin_of
from authrecord.core.secret import Secret
from authrecord.keeper import observing
from authrecord.keeper.keeper import Keeper
from authrecord.keeper.ports import Claim
from authrecord.record import OAuth2, Record
from authrecord.signing import sign
from tests.canary_watch import Canary
from tests.keeper.bench import Bench
from tests.keeper.scripted import refusal

MakeBench = Callable[..., Bench]


class Counting:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.waits: list[float] = []
        self.events: list[str] = []

    def renewed(self, outcome: str, seconds: float) -> None:
        self.outcomes.append(outcome)

    def waited(self, seconds: float) -> None:
        self.waits.append(seconds)

    def noticed(self, event: str) -> None:
        self.events.append(event)


def watched(one: Bench, observer: Counting) -> Keeper:
    return Keeper(
        one.store,
        send=one.provider,
        resolve=lambda reference: Secret("unused"),
        sign=sign,
        clock=one.clock,
        fraction=lambda: 0.0,
        pause=one.pauses.append,
        observer=observer,
    )


def test_a_renewal_is_told_once_and_a_live_token_never(bench: MakeBench, canary: Canary) -> None:
    one, observer = bench(), Counting()
    keeper, record = watched(one, observer), one.record("client_credentials")
    one.provider.answers.append(one.granted())
    for _ in range(20):
        keeper.token(record)
    assert (observer.outcomes, len(observer.waits), observer.events) == (["ok"], 1, [])


def test_a_failed_renewal_is_told_by_the_code_of_its_error(bench: MakeBench, canary: Canary) -> None:
    one, observer = bench(), Counting()
    with pytest.raises(LoginRequired):
        watched(one, observer).token(one.record("authorization_code"))
    assert observer.outcomes == [LoginRequired.code]


def test_I9_an_answer_that_was_lost_is_told(bench: MakeBench, canary: Canary) -> None:
    one, observer = bench(), Counting()
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    one.provider.answers += [TryLater("lost", outcome_unknown=True), one.granted(refresh=canary("next"))]
    watched(one, observer).token(record)
    assert (observer.outcomes, observer.events) == (["ok"], [observing.OUTCOME_UNKNOWN])


def test_I13_a_newest_refresh_token_that_is_refused_was_used_elsewhere(
    bench: MakeBench, canary: Canary
) -> None:
    one, observer = bench(refusal("invalid_grant")), Counting()
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    with pytest.raises(LoginRequired):
        watched(one, observer).token(record)
    assert observer.events == [observing.REUSE_SUSPECTED]


@pytest.mark.parametrize("audit", [False, True])
def test_K5_N13_a_token_that_could_not_be_stored_is_told_and_why(
    bench: MakeBench, canary: Canary, monkeypatch: pytest.MonkeyPatch, audit: bool
) -> None:
    one, observer = bench(), Counting()
    record = one.record("client_credentials")
    one.provider.answers.append(one.granted())

    def full(claim: Claim, token: object) -> None:
        fault = StoreFault("the disk is full.")
        if audit:
            fault.add_note(observing.AUDIT_NOTE)
        raise fault

    monkeypatch.setattr(one.store, "settle", full)
    watched(one, observer).token(record)
    assert observer.events == [observing.NOT_STORED, *([observing.AUDIT_NOT_WRITTEN] if audit else [])]


def test_L4_a_token_that_does_not_open_is_told(
    bench: MakeBench, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, observer = bench(), Counting()

    def tampered(key: object) -> None:
        raise StoreFault("it does not open.", code="tampered")

    monkeypatch.setattr(one.store, "load", tampered)
    with pytest.raises(StoreFault):
        watched(one, observer).token(one.record("client_credentials"))
    assert observer.events == [observing.TAMPERED]


def pattern_record(one: Bench) -> Record:
    """A record whose API says "token expired" in its own words."""
    record = one.record("client_credentials")
    assert isinstance(record.auth, OAuth2)
    exchange = replace(record.auth.token_exchange, expired_pattern="token expired")
    return replace(record, auth=replace(record.auth, token_exchange=exchange))


def test_a_destination_that_is_denied_is_told_once_however_often_it_is_asked_for(
    bench: MakeBench, canary: Canary
) -> None:
    one, observer = bench(), Counting()
    authenticator = watched(one, observer).authenticator(one.record("client_credentials"))
    for _ in range(3):
        assert authenticator.releases("https", "api.example.com", None)
        assert not authenticator.releases("https", "evil.example", None)
    assert observer.events == [observing.RELEASE_DENIED]
    with pytest.raises(OriginRefused):
        authenticator.release(origin_of("https://evil.example"))
    assert observer.events == [observing.RELEASE_DENIED] * 2


def test_G11_a_match_is_told_and_a_renewed_token_that_matches_too_is_doubted(
    bench: MakeBench, canary: Canary
) -> None:
    one, observer = bench(), Counting()
    one.provider.answers += [one.granted(), one.granted()]
    authenticator = watched(one, observer).authenticator(pattern_record(one))
    attempt = authenticator.attempt("GET", replayable=True)
    live = authenticator.credential()

    def judged() -> Expired | None:
        return authenticator.expired_by_pattern(200, "OK", [], b"token expired")

    assert attempt.wants_renewal(live, judged())
    fresh = attempt.renewed(live)
    assert attempt.wants_replay(live, fresh, 200)
    assert fresh is not None
    assert not attempt.wants_renewal(fresh, judged())
    assert observer.events == [
        observing.PATTERN_MATCHED,
        observing.PATTERN_MATCHED,
        observing.PATTERN_DOUBTED,
    ]
    assert authenticator.expired_by_pattern(200, "OK", [], b"all is well") is None
    assert len(observer.events) == 3
