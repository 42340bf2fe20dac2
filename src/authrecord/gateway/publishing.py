"""A gateway tells the page of this machine what it does, every other second, for as long as it runs."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from typing import Final

from ..core.errors import StoreFault
from ..stores.gateway_figures import GatewayFigures, publish, withdraw
from .moments import Moment, Shown, quantiles, rates

SECONDS: Final = 2.0
SHOWN_TROUBLES: Final = 5

log = logging.getLogger("authrecord.gateway")


async def publishing(shown: Shown, data_folder: str) -> None:
    """Until it is cancelled; then nothing of it is left. A folder that cannot be written costs the page, not more."""
    name, since, loop = str(os.getpid()), shown.time(), asyncio.get_running_loop()
    try:
        before = await shown.now()
        while True:
            await asyncio.sleep(SECONDS)
            now = await shown.now()
            figures = figures_of(shown, name, since, before, now)
            before = now
            await loop.run_in_executor(None, publish, data_folder, figures)
    except (OSError, StoreFault) as error:
        log.warning("the page will not show this gateway: %s", error)
    finally:
        with suppress(OSError):
            withdraw(data_folder, name)


def figures_of(shown: Shown, name: str, since: float, before: Moment, now: Moment) -> GatewayFigures:
    """What happened between two moments, and in all."""
    metrics = shown.metrics
    p50, p99 = quantiles(before, now)
    return GatewayFigures(
        name=name,
        at=shown.time(),
        since=since,
        places=tuple((way, str(place)) for way, place in shown.places.items()),
        by_status=tuple((status, rate, now.by_status[status]) for status, rate in rates(before, now).items()),
        requests=metrics.requests,
        renewals=metrics.renewals,
        replays=metrics.replays,
        expired_passed=metrics.expired_passed,
        callers=metrics.open_connections,
        p50=p50,
        p99=p99,
        troubles=tuple((one.at, one.code, one.detail) for one in list(metrics.troubles)[-SHOWN_TROUBLES:]),
    )
