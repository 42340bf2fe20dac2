"""Refusals buy renewals from a bucket, and a renewed token that is refused starts a pause."""

from __future__ import annotations

from authrecord.keeper.backoff import FIRST, LONGEST, LONGEST_ASKED, Backoff
from authrecord.keeper.trust import BUCKET, REFILL_PER_SECOND, Trust
from tests.keeper.parts import HandClock


def test_H7_G13_refusals_cannot_cause_more_than_a_bucket_of_renewals() -> None:
    clock = HandClock()
    trust = Trust(clock.monotonic, lambda: 0.0)
    assert sum(trust.spend(object()) for _ in range(1000)) == BUCKET
    clock.turn(10)
    assert sum(trust.spend(object()) for _ in range(1000)) == 10 * REFILL_PER_SECOND


def test_H7_a_thousand_refusals_of_one_credential_pay_once() -> None:
    clock = HandClock()
    trust = Trust(clock.monotonic, lambda: 0.0)
    credential = object()
    assert all(trust.spend(credential) for _ in range(1000))
    assert sum(trust.spend(object()) for _ in range(1000)) == BUCKET - 1


def test_H8_the_pause_after_a_second_refusal_doubles_up_to_five_minutes() -> None:
    clock = HandClock()
    trust = Trust(clock.monotonic, lambda: 0.0)
    pauses = []
    for _ in range(12):
        trust.refused_again()
        began = clock.ticks
        while trust.is_cooling:
            clock.turn(0.5)
        pauses.append(clock.ticks - began)
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == LONGEST


def test_H8_refusals_during_a_pause_do_not_make_it_longer() -> None:
    clock = HandClock()
    trust = Trust(clock.monotonic, lambda: 0.0)
    for _ in range(50):
        trust.refused_again()
    clock.turn(1.01)
    assert not trust.is_cooling


def test_an_accepted_renewal_ends_the_pause() -> None:
    clock = HandClock()
    trust = Trust(clock.monotonic, lambda: 0.0)
    trust.refused_again()
    trust.accepted()
    assert not trust.is_cooling
    trust.refused_again()
    clock.turn(1.01)
    assert not trust.is_cooling


def test_pauses_have_jitter_and_honour_what_is_asked_within_a_cap() -> None:
    backoff = Backoff(lambda: 1.0)
    assert backoff.next() == FIRST * 1.1
    assert backoff.next(100) == 100 * 1.1
    assert backoff.next(1e9) == LONGEST_ASKED * 1.1
    backoff.reset()
    assert backoff.next(-5) == FIRST * 1.1
