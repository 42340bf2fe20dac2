"""Locks between processes that the kernel gives back when their holder dies.

`flock` belongs to the open file description: two threads that open the file lock each other out as two processes
do, and `kill -9` frees it at once. A lock file is never deleted, since its name is what processes meet at.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .private_files import open_descriptor

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _lock_waiting(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _lock_waiting(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


class FileLock:
    """A lock that is held: closing it, or dying, gives it back."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Give it back. Twice is no fault.

        In a forked child this only closes the child's copy: the parent's description keeps the lock, which is
        why the file is closed and not unlocked.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def try_lock(path: str) -> FileLock | None:
    """The lock of that file, or `None` while another holds it. Raises `OSError` when the file cannot be opened."""
    descriptor = open_descriptor(path, create=True)
    if _lock(descriptor):
        return FileLock(descriptor)
    os.close(descriptor)
    return None


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock of that file, however long it takes to get. For steps that are over in milliseconds."""
    descriptor = open_descriptor(path, create=True)
    try:
        _lock_waiting(descriptor)
        yield
    finally:
        os.close(descriptor)
