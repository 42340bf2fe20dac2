"""The figures of the gateway out of what Envoy counts: the same counters as the embedded gateway keeps.

Envoy's own counts cost a request nothing. They know classes of statuses; what is not a 200 is counted by itself
(see `logs.counters`), and the 200s are what is left. Times are in whole milliseconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from ..metrics import BOUNDS, Metrics, Trouble
from .admin import Figures
from .logs import COUNTED
from .own_answers import DETAILS

MILLISECONDS: Final = tuple(bound for bound in BOUNDS if round(bound * 1e6) % 1000 == 0)
"""Upper ends of buckets, in seconds: those that whole milliseconds fall into."""

UNKNOWN: Final = frozenset({"authenticated", "bypassed"})
"""Counters that would cost a look at each request."""

_WENT_AWAY: Final = ("0", "-")
"""The status of a request whose caller did not wait for the answer."""

_WAYS: Final = ("gateway", "forward")
_REQUESTS: Final = ("gateway", "forward", "inside")
_TIMED: Final = ("gateway", "inside")
"""Not the forward proxy's own: there a `CONNECT` takes as long as its tunnel."""


def made_metrics() -> Metrics:
    """Counters that `Reading` fills."""
    return Metrics(MILLISECONDS, unknown=UNKNOWN)


class Reading:
    """Puts what one Envoy has counted into `metrics`; `desk` holds what this process itself answered."""

    def __init__(self, metrics: Metrics, desk: Metrics) -> None:
        self._metrics = metrics
        self._desk = desk
        self._refusals: dict[str, int] = {}
        self._usual = 0

    def take(self, found: Figures, at: float) -> None:
        """`at`: UTC seconds."""
        metrics, counts = self._metrics, found.counts
        tunnels = _tagged(counts, "tunnels.opened")
        by_status = self._by_status(counts, tunnels)
        for status, count in self._desk.by_status.items():
            by_status[status] = by_status.get(status, 0) + count
        metrics.by_status = by_status
        metrics.requests = sum(by_status.values())
        metrics.tunnels = sum(count for opened, count in tunnels.items() if opened != "true")
        metrics.open_connections = sum(counts.get(f"http.{way}.downstream_cx_active", 0) for way in _WAYS)
        self._take_times(found)
        told = _tagged(counts, "refusals.code")
        self._take_refusals({"other" if code == "-" else code: count for code, count in told.items()}, at)

    def _by_status(self, counts: dict[str, int], tunnels: dict[str, int]) -> dict[int, int]:
        """Requests by status. A `CONNECT` that was answered with 200 is no request, as in the embedded gateway."""
        told = _tagged(counts, "requests.status").items()
        unusual = {int(status): count for status, count in told if status not in _WENT_AWAY}
        answered = sum(counts.get(f"http.{way}.downstream_rq_2xx", 0) for way in _REQUESTS)
        connects = sum(count for opened, count in tunnels.items() if opened in {"true", "false"})
        others = sum(count for status, count in unusual.items() if 200 < status < 300)
        # Envoy counts an answer at its head and we at its end: what is under way must not make a counter fall.
        self._usual = max(self._usual, answered - connects - others)
        return {200: self._usual, **unusual} if self._usual else unusual

    def _take_times(self, found: Figures) -> None:
        durations, seconds = list(self._desk.durations), self._desk.seconds
        for way in _TIMED:
            for lower, width, count in found.times.get(f"http.{way}.downstream_rq_time", ()):
                step = max(width, 1.0)  # a request of 1.9 ms is counted as 1
                durations[bisect_left(MILLISECONDS, (lower + step) / 1000)] += count
                seconds += (lower + step / 2) / 1000 * count
        self._metrics.durations, self._metrics.seconds = durations, seconds

    def _take_refusals(self, refusals: dict[str, int], at: float) -> None:
        self._metrics.refusals = refusals
        for code, count in refusals.items():
            more = count - self._refusals.get(code, 0)
            if more:
                times = f" ({more} times)" if more > 1 else ""
                self._metrics.troubles.append(Trouble(at, code, DETAILS.get(code, OTHER) + times))
        self._refusals = refusals


OTHER: Final = "Envoy refused a request."


def _tagged(counts: dict[str, int], name: str) -> dict[str, int]:
    """The counters of ours with that name and tag, by the tag's value."""
    prefix = f"{COUNTED}.{name}."
    return {key.removeprefix(prefix): count for key, count in _beginning(counts, prefix)}


def _beginning(counts: dict[str, int], prefix: str) -> Iterable[tuple[str, int]]:
    return ((key, count) for key, count in counts.items() if key.startswith(prefix))
