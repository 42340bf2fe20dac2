"""What was read of a store and still holds, so that a hot path reads nothing.

It holds while the backend's mark is the same: whatever this process commits ends it at once, and what another one
commits at once on SQLite and within a second on PostgreSQL. And it holds for a second at most.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Final, Generic, TypeVar

from .backend import Backend, Mark

SECONDS: Final = 1.0
MOST: Final = 2_000

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembering(Generic[Key, Value]):
    """Keys to what was read under them; beyond `MOST` the oldest is let go. `now`: a clock that never goes back."""

    def __init__(self, backend: Backend, now: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._now = now
        self._lock = Lock()
        self._kept: OrderedDict[Key, tuple[Value, Mark | None, float]] = OrderedDict()

    def peek(self, key: Key) -> Value | None:
        """What still holds. Waits for nothing."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        value, mark, until = kept
        if mark is None or self._now() >= until or mark != self._backend.mark():
            return None
        return value

    def last(self, key: Key) -> Value | None:
        """What was put there last, whether it still holds or not."""
        kept = self._kept.get(key)
        return None if kept is None else kept[0]

    def put(self, key: Key, value: Value, mark: Mark | None, seconds: float = SECONDS) -> None:
        """Remember `value`, which was read after `mark` was taken, for up to `seconds`."""
        with self._lock:
            self._kept[key] = (value, mark, self._now() + min(seconds, SECONDS))
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def drop(self, key: Key) -> None:
        """Forget it."""
        with self._lock:
            self._kept.pop(key, None)
