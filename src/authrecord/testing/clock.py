"""A clock that is turned by hand."""

from __future__ import annotations

import threading


class TurnableClock:
    """Stands still until it is turned. Safe for threads. Fits wherever authrecord takes a clock."""

    def __init__(self, *, time: float = 1_800_000_000.0, monotonic: float = 1_000.0) -> None:
        self._time = time
        self._monotonic = monotonic
        self._lock = threading.Lock()

    def time(self) -> float:
        """UTC seconds."""
        return self._time

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        with self._lock:
            self._time += seconds
            self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back; the monotonic clock does not notice."""
        with self._lock:
            self._time += seconds

    def suspend(self, seconds: float) -> None:
        """Sleep as a laptop does: the wall clock goes on, the monotonic clock stands."""
        self.jump(seconds)
