"""Credentials that an issuer obtains: what the gate of a record asks instead of a renewal (decision 55)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ..core.contracts import Clock
from ..core.token import Deadlines, deadlines
from ..record import Record
from .live import Live
from .ports import Issuer
from .stamping import token_stamp

SHORTEST_PAUSE: Final = 0.05
"""Seconds until an issuer that had no other credential is asked again, at least."""


class Issuing:
    """Obtains the credential of `record` from `issuer`. Called in a renewal's own thread; blocks."""

    def __init__(
        self, issuer: Issuer, record: Record, *, clock: Clock, fraction: Callable[[], float]
    ) -> None:
        self._issuer = issuer
        self._record = record
        self._clock = clock
        self._fraction = fraction

    def __call__(self, held: Live | None, rejected: Live | None) -> Live:
        """The credential to use; see `gate.Obtain`."""
        in_hand = held if held is not None else rejected
        refused = rejected is not None and rejected.is_same(in_hand)
        before = None if in_hand is None else in_hand.token
        token = self._issuer.issue(self._record, before, refused=refused)
        wall, monotonic = self._clock.time(), self._clock.monotonic()
        until = deadlines(token, wall=wall, monotonic=monotonic, jitter=self._fraction())
        if token.is_same(before) and not until.fresh(wall, monotonic):
            until = _later(until, wall, monotonic)
        return Live(token_stamp(self._record.auth, token), token, until)


def _later(until: Deadlines, wall: float, monotonic: float) -> Deadlines:
    """The same end, and half of what is left until the next question: a question for each request would be many."""
    left = min(until.end_wall - wall, until.end_monotonic - monotonic)
    pause = max(left / 2, SHORTEST_PAUSE)
    wait = max(left * 3 / 4, pause)
    return replace(
        until,
        renew_wall=wall + pause,
        renew_monotonic=monotonic + pause,
        wait_wall=wall + wait,
        wait_monotonic=monotonic + wait,
    )
