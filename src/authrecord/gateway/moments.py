"""The counters at two moments, and what happened between them: for a view that is drawn anew again and again."""

from __future__ import annotations

from dataclasses import dataclass

from .metrics import Metrics, quantile


@dataclass(frozen=True, slots=True)
class Moment:
    """The counters at one moment; `at` in monotonic seconds."""

    at: float
    by_status: dict[int, int]
    durations: tuple[int, ...]


def moment(metrics: Metrics, at: float) -> Moment:
    """A copy of what a view compares."""
    return Moment(at, dict(metrics.by_status), tuple(metrics.durations))


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
    return quantile(recent, 0.5), quantile(recent, 0.99)
