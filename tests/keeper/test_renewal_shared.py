"""Renewal among several processes: what is said before sending, what a lost answer leaves, and failures all know of."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authrecord.core.errors import LoginRequired, Misconfigured, RecordFault, Refused, StoreFault, TryLater
from authrecord.core.messages import Response
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.naming import token_key
from authrecord.keeper.ports import Claim
from authrecord.record import Record
from tests.canary_watch import Canary
from tests.keeper.bench import Bench
from tests.keeper.scripted import refusal

MakeBench = Callable[..., Bench]


def interrupted(one: Bench, record: Record, refresh: str) -> None:
    """A process began a renewal with that refresh token, was killed, and its claim has run out."""
    claim = one.store.claim(token_key(record), seconds=45, patience=0)
    assert one.store.intend(claim, Secret(refresh), seconds=20)
    one.clock.turn(46)


def test_the_intent_stands_in_the_store_while_the_request_is_under_way(
    bench: MakeBench, canary: Canary
) -> None:
    one = bench()
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    one.provider.answers.append(one.granted(refresh=canary("next")))
    seen = []
    one.provider.before = lambda: seen.append(one.store._slots[token_key(record)].intent)
    one.keeper.token(record)
    assert [intent is not None and intent.generation == 1 for intent in seen] == [True]
    assert one.store.claim(token_key(record), seconds=1, patience=0).intent is None


def test_I10_the_next_process_sends_the_same_refresh_token_once_more(
    bench: MakeBench, canary: Canary, caplog: pytest.LogCaptureFixture
) -> None:
    one = bench()
    record = one.record("authorization_code")
    refresh = canary("refresh")
    one.stored(record, refresh=refresh, age=200)
    interrupted(one, record, refresh)
    one.provider.answers.append(one.granted(refresh=canary("next")))
    assert one.keeper.token(record).generation == 2
    assert "once more" in caplog.text
    assert len(one.provider.requests) == 1


def test_I10_a_refusal_after_an_unfinished_renewal_tells_the_exact_story(
    bench: MakeBench, canary: Canary
) -> None:
    one = bench(refusal("invalid_grant"))
    record = one.record("authorization_code")
    refresh = canary("refresh")
    one.stored(record, refresh=refresh, age=200)
    interrupted(one, record, refresh)
    with pytest.raises(LoginRequired, match="was never finished") as caught:
        one.keeper.token(record)
    assert caught.value.code == "answer_lost"
    assert len(one.provider.requests) == 1


def test_I10_a_second_loss_is_not_tried_a_third_time(bench: MakeBench, canary: Canary) -> None:
    one = bench(*[TryLater("lost", outcome_unknown=True, code="network")] * 5)
    record = one.record("authorization_code")
    refresh = canary("refresh")
    one.stored(record, refresh=refresh, age=200)
    interrupted(one, record, refresh)
    with pytest.raises(TryLater):
        one.keeper.token(record)
    assert len(one.provider.requests) == 1


def test_I9_a_refusal_after_a_lost_answer_tells_the_exact_story(bench: MakeBench, canary: Canary) -> None:
    one = bench(TryLater("lost", outcome_unknown=True, code="network"), refusal("invalid_grant"))
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    with pytest.raises(LoginRequired, match="lost on the way"):
        one.keeper.token(record)
    assert len(one.provider.requests) == 2


def test_I13_a_refusal_out_of_the_blue_says_used_elsewhere(bench: MakeBench, canary: Canary) -> None:
    one = bench(refusal("invalid_grant"))
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    with pytest.raises(LoginRequired, match="used elsewhere") as caught:
        one.keeper.token(record)
    assert caught.value.code == "refresh_refused"


def test_I7_whoever_was_stopped_before_sending_does_not_send(
    bench: MakeBench, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench()
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    intend = one.store.intend

    def slowly(claim: Claim, refresh_token: Secret | None, *, seconds: float) -> bool:
        stands = intend(claim, refresh_token, seconds=seconds)
        one.clock.turn(30)
        return stands

    monkeypatch.setattr(one.store, "intend", slowly)
    with pytest.raises(TryLater) as caught:
        one.keeper.token(record)
    assert caught.value.code == "claim_over"
    assert one.provider.requests == []


def late_holder(one: Bench, record: Record, canary: Canary) -> Callable[[], None]:
    """A holder whose claim has run out, and who has the next token in hand: its saving is what is given."""
    key = token_key(record)
    claim = one.store.claim(key, seconds=45, patience=0)
    token = Token(
        access_token=Secret(canary("late access")),
        refresh_token=Secret(canary("late refresh")),
        obtained_at=one.clock.time(),
        life=1000.0,
    )
    one.clock.turn(46)

    def save() -> None:
        assert one.store.settle(claim, token) is not None

    return save


def test_I7_nothing_is_sent_when_a_late_holder_saves_in_the_last_moment(
    bench: MakeBench, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench()
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    save = late_holder(one, record, canary)
    intend = one.store.intend

    def after_the_late_one(claim: Claim, refresh_token: Secret | None, *, seconds: float) -> bool:
        save()
        return intend(claim, refresh_token, seconds=seconds)

    monkeypatch.setattr(one.store, "intend", after_the_late_one)
    assert one.keeper.token(record).generation == 2
    assert one.provider.requests == []


def test_I7_a_refusal_of_what_a_late_holder_had_spent_gives_the_late_holders_token(
    bench: MakeBench, canary: Canary
) -> None:
    one = bench(refusal("invalid_grant"))
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    one.provider.before = late_holder(one, record, canary)
    assert one.keeper.token(record).generation == 2
    assert one.another_keeper().token(record).generation == 2
    assert len(one.provider.requests) == 1


def test_I6_a_failure_is_shared_and_the_provider_is_left_alone(bench: MakeBench) -> None:
    one = bench(*[Response(503, (), b"")] * 3)
    record = one.record("client_credentials")
    with pytest.raises(TryLater):
        one.keeper.token(record)
    other = one.another_keeper()
    with pytest.raises(TryLater) as caught:
        other.token(record)
    assert caught.value.code == "provider_unwell"
    assert len(one.provider.requests) == 3
    one.clock.turn(2)
    one.provider.answers.append(one.granted())
    assert other.token(record).generation == 1


def test_R13_pauses_grow_from_process_to_process(bench: MakeBench) -> None:
    one = bench()
    record = one.record("client_credentials")
    for _ in range(12):
        one.provider.answers = [Response(503, (("retry-after", "2"),), b"")]
        with pytest.raises(TryLater):
            one.another_keeper().token(record)
        one.clock.turn(301)
    claim = one.store.claim(token_key(record), seconds=1, patience=0)
    assert claim.failures == 12
    one.store.release(claim)
    one.provider.answers = [Response(503, (("retry-after", "2"),), b"")]
    with pytest.raises(TryLater):
        one.another_keeper().token(record)
    one.clock.turn(299)
    with pytest.raises(TryLater):
        one.another_keeper().token(record)
    assert len(one.provider.requests) == 13


@pytest.mark.parametrize(
    ("error", "kind"),
    [("invalid_client", Misconfigured), ("invalid_scope", Refused), ("invalid_grant", LoginRequired)],
)
def test_I6_the_next_process_gets_the_same_error_without_asking(
    bench: MakeBench, canary: Canary, error: str, kind: type[Exception]
) -> None:
    one = bench(refusal(error))
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    for keeper in (one.keeper, one.another_keeper(), one.another_keeper()):
        with pytest.raises(kind):
            keeper.token(record)
    assert len(one.provider.requests) == 1


def test_a_fault_of_one_process_is_not_told_to_others(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is missing here may be set there; a network that is down here may be up there."""
    one = bench()
    record = one.record("client_credentials")

    def offline() -> None:
        raise TryLater("no connection to the provider.", code="network")

    def misses() -> None:
        raise RecordFault("a reference leads nowhere")

    for fails, kind in ((offline, TryLater), (misses, RecordFault)):
        monkeypatch.setattr(one.provider, "before", fails)
        with pytest.raises(kind):
            one.another_keeper().token(record)
    claim = one.store.claim(token_key(record), seconds=1, patience=0)
    assert (claim.failure, claim.failures) == (None, 0)


def test_K5_a_token_that_could_not_be_written_is_written_later(
    bench: MakeBench, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench()
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    one.provider.answers.append(one.granted(refresh=canary("next")))
    settle = one.store.settle

    def full(claim: Claim, token: Token) -> Token | None:
        raise StoreFault("the disk is full", code="disk_full")

    monkeypatch.setattr(one.store, "settle", full)
    token = one.keeper.token(record)
    monkeypatch.setattr(one.store, "settle", settle)
    one.keeper._unsaved.flush()
    kept = one.store.load(token_key(record))
    assert kept is not None
    assert kept.is_same(token)
    assert kept.generation == 2


def test_I14_an_answer_of_the_store_that_was_lost_is_found_again(
    bench: MakeBench, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit arrived, its acknowledgement did not: the token in memory and the stored one are the same."""
    one = bench()
    record = one.record("authorization_code")
    one.stored(record, refresh=canary("refresh"), age=200)
    one.provider.answers.append(one.granted(refresh=canary("next")))
    settle = one.store.settle

    def away(claim: Claim, token: Token) -> Token | None:
        settle(claim, token)
        raise TryLater("the store does not answer", code="store_away")

    monkeypatch.setattr(one.store, "settle", away)
    token = one.keeper.token(record)
    monkeypatch.setattr(one.store, "settle", settle)
    one.keeper._unsaved.flush()
    kept = one.store.load(token_key(record))
    assert kept is not None
    assert kept.is_same(token)
    assert kept.generation == token.generation == 2


def test_K9_no_renewal_without_the_store_and_a_live_token_goes_on(
    bench: MakeBench, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench()
    record = one.record("authorization_code")
    stored = one.stored(record, refresh=canary("refresh"))
    assert one.keeper.token(record).is_same(stored)

    def away(*_: object, **__: object) -> None:
        raise TryLater("the store does not answer", code="store_away")

    for name in ("load", "claim", "settle", "intend"):
        monkeypatch.setattr(one.store, name, away)
    one.clock.turn(92)
    assert one.keeper.token(record).is_same(stored)
    one.clock.turn(10)
    with pytest.raises(TryLater) as caught:
        one.keeper.token(record)
    assert caught.value.code == "store_away"
    assert one.provider.requests == []


def test_I8_a_request_ends_before_the_claim_that_it_was_sent_with() -> None:
    from authrecord.clients import sender
    from authrecord.keeper import renewal

    assert sender.DEADLINE + renewal.SLACK_SECONDS < renewal.SEND_SECONDS
    assert renewal.SEND_SECONDS + sender.DEADLINE < renewal.CLAIM_SECONDS
    assert renewal.CLAIM_SECONDS < renewal.PATIENCE_SECONDS


@pytest.mark.parametrize("answered", ["", "the same"])
def test_I11_the_old_refresh_token_goes_on_when_none_is_returned(
    bench: MakeBench, canary: Canary, answered: str
) -> None:
    one = bench()
    record = one.record("authorization_code")
    refresh = canary("refresh")
    one.stored(record, refresh=refresh, age=200)
    one.provider.answers += [one.granted(refresh=refresh if answered else "") for _ in range(2)]
    for generation in (2, 3):
        assert one.keeper.token(record).generation == generation
        one.clock.turn(101)
    kept = one.store.load(token_key(record))
    assert kept is not None
    assert kept.refresh_token == Secret(refresh)


def test_I12_the_same_refresh_token_again_is_fine(bench: MakeBench, canary: Canary) -> None:
    one = bench()
    record = one.record("authorization_code")
    refresh = canary("refresh")
    one.stored(record, refresh=refresh, age=200)
    one.provider.answers.append(one.granted(refresh=refresh))
    assert one.keeper.token(record).refresh_token == Secret(refresh)


def test_I17_a_renewal_ahead_of_need_and_one_on_demand_are_one(bench: MakeBench, canary: Canary) -> None:
    one = bench()
    record = one.record("authorization_code")
    held = one.stored(record, refresh=canary("refresh"), age=95)
    one.provider.answers.append(one.granted(refresh=canary("next")))
    ahead = one.another_keeper().renew(record, held)
    assert one.keeper.token(record).is_same(ahead)
    assert one.another_keeper().renew(record, held).is_same(ahead)
    assert len(one.provider.requests) == 1
