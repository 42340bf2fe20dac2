"""The live view of a gateway."""

from __future__ import annotations

import asyncio
import time

import pytest
from rich.console import Console

from authrecord.cli.gateway_watch import view, watch
from authrecord.gateway.metrics import Metrics, quantile
from authrecord.gateway.moments import Shown, moment, rates


def test_the_picture_has_rates_by_status_times_renewals_and_the_last_errors() -> None:
    metrics = Metrics()
    before = moment(metrics, 10.0)
    for number in range(100):
        metrics.answered(200 if number % 10 else 502, 0.004, authenticated=True)
    metrics.renewals, metrics.replays, metrics.expired_passed = 3, 2, 1
    metrics.refused("connect_failed", "The upstream does not take\x1b[2J connections.", 0.0)
    now = moment(metrics, 12.0)
    assert rates(before, now) == {200: 45.0, 502: 5.0}
    console = Console(width=120, force_terminal=False)
    with console.capture() as captured:
        console.print(view(metrics, before, now))
    text = captured.get()
    for words in (
        "200",
        "45",
        "502",
        "all",
        "100",
        "p50 ≤ 5 ms",
        "renewals 3",
        "sent again 2",
        "expired answers 1",
    ):
        assert words in text
    assert "connect_failed: The upstream does not take\ufffd[2J connections." in text


def test_quantiles_come_from_the_buckets() -> None:
    metrics = Metrics()
    assert quantile(metrics.durations, 0.5) == 0.0
    for seconds in [0.0009] * 98 + [0.09, 99.0]:
        metrics.answered(200, seconds, authenticated=False)
    assert quantile(metrics.durations, 0.5) == 0.001
    assert quantile(metrics.durations, 0.99) == 0.1
    assert quantile(metrics.durations, 1.0) == 60.0


async def up_to_date() -> None:
    """The counters of this process are."""


def test_in_a_pipe_the_last_picture_is_printed_when_the_gateway_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def look() -> None:
        metrics, ended = Metrics(), asyncio.Event()
        shown = Shown(metrics, {}, up_to_date, time.time, time.monotonic)
        looking = asyncio.create_task(watch(shown, ended))
        await asyncio.sleep(0.05)
        metrics.answered(204, 0.1, authenticated=True)
        ended.set()
        await looking

    asyncio.run(look())
    assert "204" in capsys.readouterr().out
