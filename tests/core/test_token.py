"""When a token is used, renewed early, waited for, or dead: two clocks, and the earlier verdict counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.secret import Secret
from authrecord.core.token import LONGEST_LIFE, Deadlines, Token, deadlines, margin
from tests.canary_watch import Canary

DAY = 86400.0
NOW = 1_800_000_000.0
"""UTC seconds at which these tests play."""


def token(
    canary: Canary, *, life: float | None = 3600.0, at: float = NOW, monotonic: float | None = 50.0
) -> Token:
    return Token(
        access_token=Secret(canary("token")), obtained_at=at, obtained_monotonic=monotonic, life=life
    )


def test_J9_the_margin_is_never_larger_than_a_tenth_of_the_life() -> None:
    assert margin(10.0) == pytest.approx(1.0)
    assert margin(1.0) == pytest.approx(0.1)
    assert margin(3600.0) == 30.0


def test_J9_a_token_of_one_second_is_used_before_it_is_renewed(canary: Canary) -> None:
    until = deadlines(token(canary, life=1.0), wall=NOW, monotonic=50.0)
    assert until.fresh(NOW + 0.85, 50.85)
    assert not until.fresh(NOW + 0.91, 50.91)
    assert until.unhurried(NOW + 0.93, 50.93)
    assert not until.unhurried(NOW + 0.96, 50.96)
    assert until.alive(NOW + 0.96, 50.96)
    assert not until.alive(NOW + 1.0, 51.0)


def test_J1_a_clock_that_is_wrong_by_an_hour_all_the_time_does_not_matter(canary: Canary) -> None:
    for skew in (-3600.0, 3600.0):
        until = deadlines(token(canary, at=NOW + skew), wall=NOW + skew, monotonic=50.0)
        assert until.fresh(NOW + skew + 3500, 3550.0)
        assert not until.alive(NOW + skew + 3601, 3651.0)


def test_J2_a_wall_clock_that_jumps_back_a_day_does_not_keep_a_token_for_a_day(canary: Canary) -> None:
    until = deadlines(token(canary), wall=NOW, monotonic=50.0)
    assert not until.alive(NOW - DAY, 50.0 + 3601)


def test_J3_after_a_sleep_during_which_the_monotonic_clock_stood_the_token_is_dead(canary: Canary) -> None:
    until = deadlines(token(canary), wall=NOW, monotonic=50.0)
    assert not until.alive(NOW + 8 * 3600, 51.0)


def test_J4_a_stored_token_from_the_future_is_renewed_and_not_trusted(canary: Canary) -> None:
    until = deadlines(token(canary, at=NOW + 10 * 365 * DAY, monotonic=None), wall=NOW, monotonic=50.0)
    assert not until.fresh(NOW, 50.0)
    assert not until.alive(NOW, 50.0)


def test_J7_an_expiry_at_the_epoch_is_a_value_and_not_missing(canary: Canary) -> None:
    old = token(canary, life=10.0, at=-10.0, monotonic=None)
    assert old.expires_at == 0.0
    assert not deadlines(old, wall=NOW, monotonic=50.0).alive(NOW, 50.0)


def test_J8_time_is_utc_seconds_also_beyond_2038(canary: Canary) -> None:
    late = 2**31 + 1000.0
    until = deadlines(token(canary, at=late), wall=late, monotonic=1.0)
    assert until.fresh(late + 1, 2.0)


@given(st.floats(0, 1))
def test_J10_jitter_takes_at_most_a_tenth_off_the_margin_and_never_adds(jitter: float) -> None:
    secret = Secret("not-watched-here")
    until = deadlines(
        Token(access_token=secret, obtained_at=NOW, life=3600.0), wall=NOW, monotonic=0.0, jitter=jitter
    )
    assert 3570.0 <= until.renew_wall - NOW <= 3573.0 + 1e-6


def test_C13_a_life_of_zero_or_less_does_not_end_by_the_clock(canary: Canary) -> None:
    for life in (0.0, -1.0, None):
        until = deadlines(token(canary, life=life), wall=NOW, monotonic=50.0)
        assert until.fresh(NOW + DAY, 50.0 + DAY)


def test_C14_a_life_beyond_ten_years_is_ten_years(canary: Canary) -> None:
    until = deadlines(token(canary, life=1e30), wall=NOW, monotonic=50.0)
    assert until.end_wall == NOW + LONGEST_LIFE


def test_a_stored_token_has_only_what_is_left_of_its_life(canary: Canary) -> None:
    until = deadlines(token(canary, at=NOW - 3000, monotonic=None), wall=NOW, monotonic=50.0)
    assert until.end_monotonic == pytest.approx(50.0 + 600)


@given(st.floats(0.001, 1e9), st.floats(0, 1), st.floats(-1e6, 1e6))
def test_the_deadlines_of_any_token_stand_in_order(life: float, jitter: float, age: float) -> None:
    one = Token(access_token=Secret("x"), obtained_at=NOW - age, life=life)
    until: Deadlines = deadlines(one, wall=NOW, monotonic=100.0, jitter=jitter)
    assert until.renew_wall <= until.wait_wall <= until.end_wall
    assert until.renew_monotonic <= until.wait_monotonic <= until.end_monotonic


def test_a_token_prints_no_secret(canary: Canary) -> None:
    one = Token(
        access_token=Secret(canary("access")),
        obtained_at=NOW,
        refresh_token=Secret(canary("refresh")),
        id_token=Secret(canary("id")),
    )
    canary.scan(repr(one), "repr")
    assert "access_token=Secret" in repr(one)
