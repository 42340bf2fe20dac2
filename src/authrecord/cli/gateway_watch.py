"""`authrecord gateway --watch`: what the gateway does, while it does it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ..gateway.metrics import Metrics
from ..gateway.moments import Moment, Shown, quantiles, rates
from .failures import printable
from .output import console

if TYPE_CHECKING:
    from rich.console import RenderableType

SECONDS: Final = 1.0
SHOWN_TROUBLES: Final = 5


def view(metrics: Metrics, before: Moment, now: Moment) -> RenderableType:
    """The picture: rates by status, times between the two moments, totals, the last errors."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    by_status = rates(before, now)
    p50, p99 = quantiles(before, now)
    table = Table("status", "requests/s", "in all", box=None, header_style="dim")
    for status, rate in by_status.items():
        style = "green" if status < 400 else "yellow" if status < 500 else "red"
        table.add_row(Text(str(status), style), f"{rate:,.0f}", f"{now.by_status[status]:,}")
    table.add_row("all", f"{sum(by_status.values()):,.0f}", f"{metrics.requests:,}")
    times = f"p50 {_time(p50)}   p99 {_time(p99)}"
    counts = "   ".join(
        f"{words} {count:,}"
        for name, words, count in (
            ("renewals", "renewals", metrics.renewals),
            ("replays", "sent again", metrics.replays),
            ("expired_passed", "expired answers", metrics.expired_passed),
            ("bypassed", "without credential", metrics.bypassed),
            ("connections", "callers", metrics.open_connections),
        )
        if name not in metrics.unknown
    )
    lines = [
        Text(
            f"{time.strftime('%H:%M:%S', time.localtime(trouble.at))} {trouble.code}: {printable(trouble.detail)}",
            "yellow",
        )
        for trouble in list(metrics.troubles)[-SHOWN_TROUBLES:]
    ]
    return Group(table, Text(times), Text(counts), *lines)


async def watch(shown: Shown, ended: asyncio.Event) -> None:
    """Show it, anew each second, until the gateway ends. In a pipe only the last picture is printed."""
    from rich.live import Live

    out = console()
    metrics, before = shown.metrics, await shown.now()
    with Live(view(metrics, before, before), console=out, auto_refresh=False) as live:
        while not ended.is_set():
            with suppress(TimeoutError):  # the usual end of a second
                await asyncio.wait_for(ended.wait(), SECONDS)
            now = await shown.now()
            live.update(view(metrics, before, now), refresh=True)
            before = now


def _time(seconds: float) -> str:
    return f"≤ {seconds * 1000:g} ms" if seconds else "–"
