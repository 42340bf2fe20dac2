"""What the gateway counts. Adding is all that a request pays; whoever looks, sums up."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import Final

BOUNDS: Final = (
    *(0.0001, 0.0002, 0.0003, 0.0005, 0.0007, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02),
    *(0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 30.0, 60.0),
)
"""Upper ends of the histogram's buckets, in seconds."""

MOST_ERRORS: Final = 20


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong: when (UTC seconds), a stable code, and a sentence without secrets."""

    at: float
    code: str
    detail: str


class Metrics:
    """Counters of one gateway, touched by its event loop only.

    `bounds`: upper ends of the buckets of `durations`, in seconds. `unknown`: counters that nobody fills here.
    """

    def __init__(self, bounds: tuple[float, ...] = BOUNDS, *, unknown: frozenset[str] = frozenset()) -> None:
        self.bounds = bounds
        self.unknown = unknown
        self.by_status: dict[int, int] = {}
        self.durations = [0] * (len(bounds) + 1)
        self.seconds = 0.0
        self.requests = 0
        self.authenticated = 0
        self.bypassed = 0
        self.renewals = 0
        self.replays = 0
        self.expired_passed = 0
        self.outcomes: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.open_connections = 0
        self.tunnels = 0
        self.troubles: deque[Trouble] = deque(maxlen=MOST_ERRORS)

    def answered(self, status: int, seconds: float, *, authenticated: bool) -> None:
        """One request has its answer. `seconds`: from its head to the answer's last byte."""
        self.requests += 1
        self.authenticated += authenticated
        self.by_status[status] = self.by_status.get(status, 0) + 1
        self.durations[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds

    def ended(self, outcome: str, *, expired: bool) -> None:
        """A request whose answer said "expired". `expired`: the client was shown such an answer."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.expired_passed += expired

    def refused(self, code: str, detail: str, at: float) -> None:
        """The gateway itself answered. `at`: UTC seconds."""
        self.refusals[code] = self.refusals.get(code, 0) + 1
        self.troubles.append(Trouble(at, code, detail))


def quantile(counts: list[int], part: float, bounds: tuple[float, ...] = BOUNDS) -> float:
    """The time below which `part` (0 to 1) of the counted requests stayed, in seconds; 0 when there are none.

    `bounds`: see `Metrics`.
    """
    total = sum(counts)
    if not total:
        return 0.0
    below = 0
    for number, count in enumerate(counts):
        below += count
        if below >= part * total:
            return bounds[min(number, len(bounds) - 1)]
    return bounds[-1]
