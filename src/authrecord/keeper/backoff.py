"""How long to be quiet after a failure: 1 second, doubling, up to 5 minutes, with jitter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FIRST: Final = 1.0
LONGEST: Final = 300.0
LONGEST_ASKED: Final = 6 * 3600.0
"""A provider's `Retry-After` is honoured up to six hours (C25)."""


class Backoff:
    """Growing pauses in seconds. `fraction` gives a random number from 0 to 1."""

    def __init__(
        self, fraction: Callable[[], float], *, first: float = FIRST, longest: float = LONGEST
    ) -> None:
        self._fraction = fraction
        self._first = first
        self._longest = longest
        self._next = first

    def next(self, asked: float = 0.0) -> float:
        """The pause after one more failure; at least what was asked for, within its cap. Jitter adds up to a tenth."""
        pause = min(self._next, self._longest)
        self._next = min(self._next * 2, self._longest)
        return max(pause, min(max(asked, 0.0), LONGEST_ASKED)) * (1.0 + 0.1 * self._fraction())

    def reset(self) -> None:
        """All is well again."""
        self._next = self._first
