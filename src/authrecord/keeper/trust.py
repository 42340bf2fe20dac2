"""When an API refuses what was just renewed: how often a refusal may cost a renewal.

A refusal is a hint, not a proof: a scanner provokes 401s on purpose, and whoever controls an answer's text can
make it match the record's pattern (G11, G13). So a renewed token that is refused as well starts a pause that
doubles with each repetition (H8), and refusals buy renewals from a bucket that refills slowly (H7).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from .backoff import Backoff

BUCKET: Final = 20.0
"""Renewals that refusals may cause in a burst."""

REFILL_PER_SECOND: Final = 2.0
"""Renewals that refusals may cause per second, in the long run."""


class Trust:
    """Whether a refusal may cause a renewal now. `monotonic` gives seconds, `fraction` a random 0 to 1."""

    def __init__(self, monotonic: Callable[[], float], fraction: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._backoff = Backoff(fraction)
        self._lock = threading.Lock()
        self._quiet_until = 0.0
        self._left = BUCKET
        self._counted_at = monotonic()
        self._paid_for: object = None

    @property
    def is_cooling(self) -> bool:
        """True while no refusal causes a renewal. Reads one number: no lock."""
        return self._monotonic() < self._quiet_until

    def spend(self, refused: object) -> bool:
        """Take one renewal from the bucket for the `refused` credential; False when it is empty.

        A thousand requests that were refused with one credential pay once: they share one renewal.
        """
        with self._lock:
            if refused is self._paid_for:
                return True
            now = self._monotonic()
            self._left = min(BUCKET, self._left + (now - self._counted_at) * REFILL_PER_SECOND)
            self._counted_at = now
            if self._left < 1.0:
                return False
            self._left -= 1.0
            self._paid_for = refused
            return True

    def refused_again(self) -> None:
        """The renewed token was refused as well."""
        with self._lock:
            if self._monotonic() >= self._quiet_until:
                self._quiet_until = self._monotonic() + self._backoff.next()

    def accepted(self) -> None:
        """A renewed token was accepted: renewals help, so the pauses begin anew."""
        with self._lock:
            self._quiet_until = 0.0
            self._backoff.reset()
