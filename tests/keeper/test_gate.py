"""The gate: one live credential and at most one renewal for all threads and all tasks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from authrecord.core.errors import LoginRequired, Refused, TryLater
from authrecord.keeper.gate import Gate
from authrecord.keeper.live import Live
from tests.canary_watch import Canary
from tests.keeper.parts import HandClock, Issuer, gate_of


@pytest.fixture
def issuer(canary: Canary) -> Iterator[Issuer]:
    one = Issuer(HandClock(), canary)
    yield one
    one.open.set()
    for thread in threading.enumerate():
        if thread.name.startswith("authrecord-renewal"):
            thread.join(30)


def test_I1_a_thousand_calls_of_64_threads_without_a_token_make_one_renewal(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.open.clear()
    with ThreadPoolExecutor(64) as pool:
        futures = [pool.submit(gate.obtain) for _ in range(1000)]
        issuer.entered.wait(30)
        issuer.open.set()
        lives = {id(future.result()) for future in futures}
    assert len(issuer.calls) == 1
    assert len(lives) == 1


def test_I2_a_thousand_tasks_without_a_token_make_one_renewal(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.open.clear()

    async def burst() -> set[int]:
        tasks = [asyncio.create_task(gate.obtain_async()) for _ in range(1000)]
        await asyncio.sleep(0)
        issuer.open.set()
        return {id(live) for live in await asyncio.gather(*tasks)}

    assert len(asyncio.run(burst())) == 1
    assert len(issuer.calls) == 1


def test_threads_and_the_tasks_of_two_event_loops_share_one_renewal(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.open.clear()

    async def tasks() -> list[Live]:
        return list(await asyncio.gather(*(gate.obtain_async() for _ in range(50))))

    with ThreadPoolExecutor(8) as pool:
        loops = [pool.submit(asyncio.run, tasks()) for _ in range(2)]
        threads = [pool.submit(gate.obtain) for _ in range(6)]
        issuer.entered.wait(30)
        issuer.open.set()
        lives = [live for loop in loops for live in loop.result()] + [thread.result() for thread in threads]
    assert len({id(live) for live in lives}) == 1
    assert len(issuer.calls) == 1


def test_a_task_under_trio_gets_the_credential_too(issuer: Issuer) -> None:
    trio = pytest.importorskip("trio", reason="trio is installed by the lock; only a hand-made venv lacks it")
    gate = gate_of(issuer)
    assert trio.run(gate.obtain_async) is gate.live


def test_H7_a_caller_with_an_older_token_gets_the_current_one_without_a_renewal(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    old = gate.obtain()
    new = gate.obtain(rejected=old)
    assert not new.is_same(old)
    assert gate.obtain(rejected=old) is new
    assert len(issuer.calls) == 2
    assert issuer.calls[1] == (old, old)


def test_a_fresh_credential_costs_no_renewal(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    first = gate.obtain()
    issuer.clock.turn(89)
    assert gate.obtain() is first
    assert len(issuer.calls) == 1


def test_a_credential_that_soon_ends_is_renewed_beside_while_it_is_still_used(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    first = gate.obtain()
    issuer.clock.turn(92)
    issuer.open.clear()
    assert gate.obtain() is first
    assert gate.obtain() is first
    issuer.open.set()
    _settle()
    assert len(issuer.calls) == 2
    assert gate.obtain() is not first


def test_just_before_the_end_callers_wait_for_the_renewal(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    first = gate.obtain()
    issuer.clock.turn(97)
    assert gate.obtain() is not first


def test_an_early_renewal_that_fails_costs_nobody_a_request(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    first = gate.obtain()
    issuer.clock.turn(97)
    issuer.error = TryLater("the provider answered 503.")
    assert gate.obtain() is first
    assert gate.obtain() is first
    assert len(issuer.calls) == 2
    issuer.clock.turn(4)
    with pytest.raises(TryLater):
        gate.obtain()


def test_a_credential_that_only_a_person_can_replace_is_given_up_just_before_its_end(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    first = gate.obtain()
    issuer.error = LoginRequired("log in")
    issuer.clock.turn(92)
    assert gate.obtain() is first
    _settle()
    assert gate.obtain() is first
    issuer.clock.turn(5)
    for _ in range(2):
        with pytest.raises(LoginRequired):
            gate.obtain()


def test_fails_closed_when_no_credential_can_be_had(issuer: Issuer) -> None:
    issuer.error = Refused("the provider answered invalid_scope.", error="invalid_scope")
    with pytest.raises(Refused):
        gate_of(issuer).obtain()


def test_I6_all_waiters_get_the_same_typed_error_and_the_flight_is_cleared(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.error = TryLater("the provider answered 503.")
    issuer.open.clear()
    with ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(gate.obtain) for _ in range(16)]
        issuer.entered.wait(30)
        issuer.open.set()
        errors = [future.exception() for future in futures]
    assert {type(error) for error in errors} == {TryLater}
    assert len({id(error) for error in errors}) == 16
    assert len(issuer.calls) == 1
    issuer.error = None
    issuer.clock.turn(1.5)
    assert gate.obtain() is gate.live


def test_R13_a_provider_that_is_down_is_asked_ever_more_rarely_and_at_most_every_five_minutes(
    issuer: Issuer,
) -> None:
    gate = gate_of(issuer)
    issuer.error = TryLater("down")
    for _ in range(3600):
        with pytest.raises(TryLater):
            gate.obtain()
        issuer.clock.turn(1.0)
    assert len(issuer.calls) <= 9 + 3600 / 300
    issuer.error = None
    issuer.clock.turn(300)
    assert gate.obtain() is gate.live


def test_a_database_that_was_away_is_asked_each_second_since_it_is_spared_nothing(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.error = TryLater("the store does not answer.", code="store_away")
    for asked in range(1, 6):
        with pytest.raises(TryLater):
            gate.obtain()
        with pytest.raises(TryLater):
            gate.obtain()
        assert len(issuer.calls) == asked
        issuer.clock.turn(1.0)
    issuer.error = None
    assert gate.obtain() is gate.live


def test_C25_a_pause_that_the_provider_asks_for_is_kept(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.error = TryLater("busy", retry_after=60)
    for _ in range(59):
        with pytest.raises(TryLater):
            gate.obtain()
        issuer.clock.turn(1.0)
    assert len(issuer.calls) == 1


def test_after_a_login_the_credential_is_live_at_once(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.error = LoginRequired("log in")
    with pytest.raises(LoginRequired):
        gate.obtain()
    issuer.error = None
    live = issuer.new()
    gate.adopt(live)
    assert gate.obtain() is live


def test_H10_a_cancelled_task_does_not_stop_the_renewal(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.open.clear()

    async def story() -> Live:
        first = asyncio.create_task(gate.obtain_async())
        second = asyncio.create_task(gate.obtain_async())
        await asyncio.to_thread(issuer.entered.wait, 30)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled()
        issuer.open.set()
        return await second

    live = asyncio.run(story())
    assert live is gate.live
    assert len(issuer.calls) == 1


def test_H10_a_renewal_outlives_the_event_loop_of_the_only_task_that_asked(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.open.clear()

    async def asks_and_gives_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gate.obtain_async(), 0.05)

    asyncio.run(asks_and_gives_up())
    issuer.open.set()
    _settle()
    assert gate.live is not None
    assert len(issuer.calls) == 1


def test_an_unexpected_error_reaches_the_waiters_and_does_not_hang_them(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    issuer.error = ZeroDivisionError("a fault of ours")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            gate.obtain()


def test_J2_a_wall_clock_that_jumps_back_does_not_keep_the_credential(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    first = gate.obtain()
    issuer.clock.now -= 86400
    issuer.clock.ticks += 101
    assert gate.obtain() is not first


def test_J4_a_jump_of_ten_years_and_back_costs_one_extra_renewal(issuer: Issuer) -> None:
    gate = gate_of(issuer)
    gate.obtain()
    issuer.clock.now += 10 * 365 * 86400
    gate.obtain()
    issuer.clock.now -= 10 * 365 * 86400
    gate.obtain()
    gate.obtain()
    assert len(issuer.calls) == 2


def test_I15_a_forked_child_has_no_renewal_of_its_parent(issuer: Issuer) -> None:
    gate: Gate = gate_of(issuer)
    issuer.open.clear()
    waiting = threading.Thread(target=gate.obtain)
    waiting.start()
    issuer.entered.wait(30)
    gate.reset_after_fork()
    issuer.open.set()
    assert gate.obtain() is not None
    waiting.join(30)
    assert not waiting.is_alive()


def test_a_gate_that_was_dropped_hands_out_nothing_that_it_held(issuer: Issuer) -> None:
    """After a logout clients that are attached already obtain anew, and still share one renewal."""
    gate: Gate = gate_of(issuer)
    before = gate.obtain()
    gate.drop()
    assert gate.live is None
    assert not gate.obtain().is_same(before)
    assert len(issuer.calls) == 2


def test_a_renewal_under_way_while_the_gate_is_dropped_is_not_kept(issuer: Issuer) -> None:
    gate: Gate = gate_of(issuer)
    issuer.open.clear()
    waiting = threading.Thread(target=gate.obtain)
    waiting.start()
    issuer.entered.wait(30)
    gate.drop()
    issuer.open.set()
    waiting.join(30)
    _settle()
    assert gate.live is None


def _settle() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("authrecord-renewal"):
            thread.join(30)
