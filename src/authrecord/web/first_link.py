"""The one-time link that `authrecord serve` prints, so that the first person can come in (attack rows M10, M11).

The secret stands in the fragment, which no browser sends and no log holds; the page hands it over once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Final

from ..core.secret import Secret

LIFE_SECONDS: Final = 15 * 60.0
PATH: Final = "/first"


class FirstLink:
    """One link, used once, within a quarter of an hour. `now`: a clock that never goes back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept = b""
        self._until = 0.0

    def make(self) -> Secret:
        """A new link's secret; one that was made before opens nothing any more."""
        text = token_urlsafe(32)
        with self._lock:
            self._kept = sha256(text.encode()).digest()
            self._until = self._now() + LIFE_SECONDS
        return Secret(text)

    def take(self, text: str) -> bool:
        """True once, for the right text in time."""
        given = sha256(text.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            right = bool(self._kept) and compare_digest(given, self._kept) and self._now() <= self._until
            if right:
                self._kept = b""
            return right
