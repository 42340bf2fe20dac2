"""A map that keeps the newest entries, and whatever somebody still uses: nothing grows with the number of records."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MOST: Final = 10_000
"""Entries that are kept although nobody uses them."""


class Bounded(Generic[Key, Value]):
    """Keys to values that `make` made. Beyond `most` the oldest is let go, and made anew when it is needed."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._alive: weakref.WeakValueDictionary[Key, Value] = weakref.WeakValueDictionary()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """The value of `key`; one that `make` makes when there is none. The same for all who ask while one has it."""
        found = self._kept.get(key)
        if found is not None:
            return found  # the common case: no lock, and no order to keep while there is room
        with self._lock:
            found = self._kept.get(key) or self._alive.get(key)
            if found is None:
                found = make()
            self._kept[key] = self._alive[key] = found
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return found

    def find(self, key: Key) -> Value | None:
        """The value of `key`, if there is one."""
        with self._lock:
            return self._kept.get(key) or self._alive.get(key)

    def __iter__(self) -> Iterator[Value]:
        with self._lock:
            return iter(list(self._alive.values()))

    def __len__(self) -> int:
        return len(self._kept)

    def reset_after_fork(self) -> None:
        """In a forked child: the parent's lock may be held for ever."""
        self._lock = threading.Lock()
