"""Files that are read again when they have changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

from ..core.errors import TryLater

Loaded = TypeVar("Loaded")
Mark = tuple[tuple[int, int, int] | None, ...]


class Watched(Generic[Loaded]):
    """Calls `load` when one of `files`, or what `also` gives, has changed since it was called last.

    A file that is being replaced may be missing for a moment: then nothing is loaded yet. What `load` raises is
    raised once for each change, not again and again; but while a store is away (`TryLater`) it is tried again.
    """

    def __init__(
        self, files: Iterable[Path], load: Callable[[], Loaded], *, also: Callable[[], object] = lambda: ()
    ) -> None:
        self._files = tuple(files)
        self._load = load
        self._also = also
        self._seen = self._mark()

    def __call__(self) -> Loaded | None:
        """What was loaded, or `None` when nothing has changed."""
        mark = self._mark()
        if mark == self._seen or None in mark[0]:
            return None
        before, self._seen = self._seen, mark
        try:
            return self._load()
        except TryLater:
            self._seen = before
            raise

    def _mark(self) -> tuple[Mark, object]:
        return tuple(_mark_of(path) for path in self._files), self._also()


def _mark_of(path: Path) -> tuple[int, int, int] | None:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
