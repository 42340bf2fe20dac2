"""The counters at two moments, and what happened between them: for a view that is drawn anew again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from .listening import Listen
from .metrics import Metrics, quantile


@dataclass(frozen=True, slots=True)
class Shown:
    """A gateway that is looked at again and again. `places`: its ways in. `refresh` brings `metrics` up to date.

    `time`: UTC seconds. `monotonic`: seconds.
    """

    metrics: Metrics
    places: Mapping[str, Listen]
    refresh: Callable[[], Awaitable[None]]
    time: Callable[[], float]
    monotonic: Callable[[], float]

    async def now(self) -> Moment:
        """The counters as they are."""
        await self.refresh()
        return moment(self.metrics, self.monotonic())


@dataclass(frozen=True, slots=True)
class Moment:
    """The counters at one moment; `at` in monotonic seconds. `bounds`: see `Metrics`."""

    at: float
    by_status: dict[int, int]
    durations: tuple[int, ...]
    bounds: tuple[float, ...]


def moment(metrics: Metrics, at: float) -> Moment:
    """A copy of what a view compares."""
    return Moment(at, dict(metrics.by_status), tuple(metrics.durations), metrics.bounds)


def rates(before: Moment, now: Moment) -> dict[int, float]:
    """Requests per second between two moments, by status."""
    seconds = max(now.at - before.at, 1e-9)
    return {
        status: (count - before.by_status.get(status, 0)) / seconds
        for status, count in sorted(now.by_status.items())
    }


def quantiles(before: Moment, now: Moment) -> tuple[float, float]:
    """p50 and p99 of the requests between two moments, in seconds; 0 when there were none."""
    recent = [count - old for count, old in zip(now.durations, before.durations, strict=True)]
    return quantile(recent, 0.5, now.bounds), quantile(recent, 0.99, now.bounds)
