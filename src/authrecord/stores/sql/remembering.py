"""What was read of a store and still holds, so that a hot path reads nothing.

It holds while the backend's mark is the same: whatever this process commits ends it at once, and what another one
commits at once on SQLite and within a second on PostgreSQL. And it holds for a second at most; only while the
database does not answer, what it said within the last minute still counts for some (`recent`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from math import inf
from threading import Lock
from typing import Final, Generic, TypeVar

from .backend import Backend, Mark

SECONDS: Final = 1.0
MOST: Final = 2_000

AWAY_SECONDS: Final = 60.0
"""How long what was read counts while the database does not answer."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Moment:
    """When a reading began. `mark`: the backend's. `ended`: how often something known was ended before."""

    mark: Mark | None
    ended: int


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Value]):
    """`at`, `until`: when it was read, and from when on it is nothing in any case (by a clock that never goes back)."""

    value: Value
    mark: Mark | None
    at: float
    until: float


class Remembering(Generic[Key, Value]):
    """Keys to what was read under them; beyond `MOST` the oldest is let go. `now`: a clock that never goes back."""

    def __init__(self, backend: Backend, now: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._now = now
        self._lock = Lock()
        self._kept: OrderedDict[Key, _Kept[Value]] = OrderedDict()
        self._ended = 0

    def begin(self) -> Moment:
        """To be called before something is read that will be `put`."""
        return Moment(self._backend.mark(), self._ended)

    def peek(self, key: Key) -> Value | None:
        """What still holds. Waits for nothing."""
        kept = self._kept.get(key)
        if kept is None or kept.mark is None:
            return None
        now = self._now()
        if now >= kept.until or now >= kept.at + SECONDS or kept.mark != self._backend.mark():
            return None
        return kept.value

    def recent(self, key: Key) -> Value | None:
        """What the database said within the last minute, for whom it does not answer now."""
        kept = self._kept.get(key)
        if kept is None or self._now() >= min(kept.until, kept.at + AWAY_SECONDS):
            return None
        return kept.value

    def last(self, key: Key) -> Value | None:
        """What was put there last, whether it still holds or not."""
        kept = self._kept.get(key)
        return None if kept is None else kept.value

    def put(self, key: Key, value: Value, read: Moment, seconds: float = inf) -> None:
        """Remember `value`, the reading of which began at `read`; for `seconds` at most."""
        with self._lock:
            if read.ended != self._ended:
                return  # this process has ended something since: what was read may be older than that
            now = self._now()
            self._kept[key] = _Kept(value, read.mark, now, now + seconds)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def drop(self, key: Key) -> None:
        """Forget what is under `key`."""
        with self._lock:
            self._kept.pop(key, None)

    def end(self, key: Key) -> None:
        """This process has ended what is under `key`: not even who is reading it now may put it there again."""
        with self._lock:
            self._ended += 1
            self._kept.pop(key, None)

    def end_all(self) -> None:
        """The same for everything."""
        with self._lock:
            self._ended += 1
            self._kept.clear()
