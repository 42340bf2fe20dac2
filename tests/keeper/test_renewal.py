"""Renewal: claim, look again, renew, settle; what is tried again, what falls back, what asks for a person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authrecord.core.errors import BadAnswer, LoginRequired, Misconfigured, StoreFault, TryLater
from authrecord.core.messages import Response
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants.settings import TokenExchange
from authrecord.keeper.naming import token_key
from authrecord.keeper.ports import Claim
from authrecord.record import OAuth2
from tests.canary_watch import Canary
from tests.keeper.bench import TOKEN_URL, Bench
from tests.keeper.scripted import refusal


def test_a_stored_token_that_is_fresh_is_used_without_a_request(bench: Callable[..., Bench]) -> None:
    one = bench()
    record = one.record("client_credentials")
    stored = one.stored(record, refresh="")
    assert one.keeper.token(record).is_same(stored)
    assert one.provider.requests == []


def test_S20_client_credentials_are_renewed_by_the_grant_itself(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.provider.answers += [one.granted("first"), one.granted("second")]
    record = one.record("client_credentials")
    first = one.keeper.token(record)
    one.clock.turn(101)
    assert not one.keeper.token(record).is_same(first)
    assert one.provider.grants() == ["client_credentials", "client_credentials"]


def test_S22_rotation_uses_each_refresh_token_once_and_stores_the_next(
    bench: Callable[..., Bench], canary: Canary
) -> None:
    one = bench()
    record = one.record("authorization_code")
    tokens = [canary(f"refresh {number}") for number in range(4)]
    one.stored(record, refresh=tokens[0], age=200)
    one.provider.answers += [one.granted(refresh=token) for token in tokens[1:]]
    for _ in range(3):
        one.keeper.token(record)
        one.clock.turn(101)
    sent = [dict(request.form or ())["refresh_token"] for request in one.provider.requests]
    assert [secret.reveal() for secret in sent if isinstance(secret, Secret)] == tokens[:3]
    stored = one.store.load(token_key(record))
    assert stored is not None
    assert stored.refresh_token == Secret(tokens[3])
    assert stored.generation == 4


def test_another_process_that_renewed_meanwhile_saves_us_the_request(
    bench: Callable[..., Bench], canary: Canary
) -> None:
    one = bench()
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    one.provider.answers.append(one.granted(refresh=canary("next")))
    renewed = one.another_keeper().token(record)
    assert one.keeper.token(record).is_same(renewed)
    assert len(one.provider.requests) == 1


def test_C23_a_dead_refresh_token_asks_for_a_person_and_is_not_sent_again(
    bench: Callable[..., Bench], canary: Canary
) -> None:
    one = bench(refusal("invalid_grant"))
    record = one.record("authorization_code")
    stored = one.stored(record, refresh=canary("refresh"), age=200)
    for _ in range(5):
        with pytest.raises(LoginRequired, match="authrecord login orders"):
            one.keeper.token(record)
    assert len(one.provider.requests) == 1
    kept = one.store.load(token_key(record))
    assert kept is not None
    assert kept.is_same(stored)


def test_a_dead_refresh_token_falls_back_to_the_password_grant(
    bench: Callable[..., Bench], canary: Canary
) -> None:
    one = bench(refusal("invalid_grant"))
    one.provider.answers.append(one.granted())
    record = one.record("password")
    one.stored(record, refresh=canary("refresh"), age=200)
    one.keeper.token(record)
    assert one.provider.grants() == ["refresh_token", "password"]


def test_S18_a_password_that_is_not_kept_is_used_for_the_first_token_only(
    bench: Callable[..., Bench], canary: Canary
) -> None:
    one = bench()
    one.provider.answers += [one.granted(refresh=canary("refresh")), refusal("invalid_grant")]
    record = one.record("password", keep_password=False)
    one.keeper.token(record)
    one.clock.turn(101)
    with pytest.raises(LoginRequired):
        one.keeper.token(record)
    assert one.provider.grants() == ["password", "refresh_token"]


@pytest.mark.parametrize("grant", ["authorization_code", "implicit"])
def test_a_grant_that_needs_a_person_says_so_without_a_request(
    bench: Callable[..., Bench], grant: str
) -> None:
    one = bench()
    with pytest.raises(LoginRequired, match="needs a person"):
        one.keeper.token(one.record(grant))
    assert one.provider.requests == []


def test_C24_invalid_client_is_the_records_fault_and_the_login_is_kept(
    bench: Callable[..., Bench], canary: Canary
) -> None:
    one = bench(refusal("invalid_client", 401))
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    with pytest.raises(Misconfigured):
        one.keeper.token(record)
    kept = one.store.load(token_key(record))
    assert kept is not None
    assert kept.refresh_token is not None
    one.provider.answers.append(one.granted(refresh=canary("next")))
    one.clock.turn(2)
    assert one.keeper.token(record).generation == 2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_C26_a_provider_that_is_unwell_for_a_moment_costs_nobody_a_request(
    bench: Callable[..., Bench], status: int
) -> None:
    unwell = Response(status, (), b"<h1>Oops</h1>")
    one = bench(unwell, unwell)
    one.provider.answers.append(one.granted())
    one.keeper.token(one.record("client_credentials"))
    assert len(one.pauses) == 2
    assert all(0 < pause <= 1 for pause in one.pauses)


def test_C26_retries_are_bounded(bench: Callable[..., Bench]) -> None:
    one = bench(*[Response(503, (), b"")] * 10)
    with pytest.raises(TryLater):
        one.keeper.token(one.record("client_credentials"))
    assert len(one.provider.requests) == 3


def test_C25_a_provider_that_asks_for_a_long_pause_is_not_asked_again_now(
    bench: Callable[..., Bench],
) -> None:
    one = bench(*[Response(429, (("retry-after", "60"),), b"")] * 10)
    with pytest.raises(TryLater):
        one.keeper.token(one.record("client_credentials"))
    assert len(one.provider.requests) == 1


def test_I9_after_a_lost_answer_the_same_refresh_token_is_sent_once_more_at_once(
    bench: Callable[..., Bench], canary: Canary
) -> None:
    one = bench(TryLater("the answer was lost", outcome_unknown=True))
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    one.provider.answers.append(one.granted(refresh=canary("next")))
    one.keeper.token(record)
    assert one.pauses == [0.0]
    first, second = (dict(request.form or ())["refresh_token"] for request in one.provider.requests)
    assert first == second


def test_I9_two_lost_answers_end_in_try_later_and_not_in_a_loop(
    bench: Callable[..., Bench], canary: Canary
) -> None:
    one = bench(*[TryLater("lost", outcome_unknown=True)] * 10)
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    with pytest.raises(TryLater):
        one.keeper.token(record)
    assert len(one.provider.requests) == 2


def test_a_bad_answer_gives_the_claim_back(bench: Callable[..., Bench]) -> None:
    one = bench(Response(200, (("content-type", "text/html"),), b"<h1>"))
    record = one.record("client_credentials")
    with pytest.raises(BadAnswer):
        one.keeper.token(record)
    claim = one.store.claim(token_key(record), seconds=1, patience=0)
    assert claim.token is None


def test_K5_a_token_that_cannot_be_stored_is_served_from_memory(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = bench()
    one.provider.answers.append(one.granted(refresh=""))

    def full(claim: Claim, token: Token) -> Token | None:
        raise StoreFault("the disk is full", code="disk_full")

    monkeypatch.setattr(one.store, "settle", full)
    record = one.record("client_credentials")
    token = one.keeper.token(record)
    assert one.keeper.token(record).is_same(token)
    assert "lives in memory only" in caplog.text
    assert len(one.provider.requests) == 1


def test_an_edit_of_the_record_drops_its_old_token(bench: Callable[..., Bench]) -> None:
    from dataclasses import replace

    one = bench()
    one.provider.answers += [one.granted("first"), one.granted("second")]
    record = one.record("client_credentials")
    first = one.keeper.token(record)
    assert isinstance(record.auth, OAuth2)
    edited = replace(
        record, auth=replace(record.auth, token_exchange=TokenExchange(url=TOKEN_URL, scope="other"))
    )
    assert not one.keeper.token(edited).is_same(first)
    described = replace(record, description="only words changed", tags=("new",))
    assert one.keeper.token(described).is_same(first)


def test_a_rejected_token_is_not_handed_out_again(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.provider.answers += [one.granted("first"), one.granted("second")]
    record = one.record("client_credentials")
    first = one.keeper.token(record)
    second = one.keeper.token(record, rejected=first)
    assert not second.is_same(first)
    assert one.keeper.token(record, rejected=first).is_same(second)
    assert len(one.provider.requests) == 2


def test_I18_forgetting_a_record_drops_its_token_in_memory_and_in_the_store(
    bench: Callable[..., Bench],
) -> None:
    one = bench()
    one.provider.answers += [one.granted("first"), one.granted("second")]
    record = one.record("client_credentials")
    first = one.keeper.token(record)
    one.keeper.forget(record)
    assert one.store.load(token_key(record)) is None
    assert not one.keeper.token(record).is_same(first)


def test_C13_a_token_that_is_over_at_birth_is_used_and_causes_no_storm(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.provider.answers.append(one.granted(life=0))
    record = one.record("client_credentials")
    first = one.keeper.token(record)
    for _ in range(100):
        assert one.keeper.token(record).is_same(first)
    assert len(one.provider.requests) == 1


def test_J9_a_token_of_one_second_costs_one_request_per_second(bench: Callable[..., Bench]) -> None:
    one = bench()
    one.provider.answers += [one.granted(life=1.0) for _ in range(20)]
    record = one.record("client_credentials")
    for _ in range(1000):
        one.keeper.token(record)
        one.clock.turn(0.01)
    assert len(one.provider.requests) <= 12
