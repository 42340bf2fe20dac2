"""A file of lines that wait on this machine's own disk, for one process at a time.

What was appended is on disk when `append` returns; what a process that was killed had not finished is cut off. The
file is locked while its process lives; one that was left behind is taken over by whoever looks for such files.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from secrets import token_hex
from typing import Final

from ..core.errors import StoreFault
from ..core.faults import fault
from . import private_files
from .locks import FileLock, locked, try_lock

log = logging.getLogger("authrecord")

SPOOL: Final = "spool"
"""The folder of such files in a user's data folder."""

_ENDING: Final = ".spool"
_LOCK: Final = "lock"
"""Held while files are made and taken over, so that nobody takes one that is just being made."""

_PIECE: Final = 1024 * 1024


class SpoolFile:
    """A file that this process has locked. Not safe for threads. `length`: bytes that are surely on disk."""

    def __init__(self, path: str, lock: FileLock, descriptor: int) -> None:
        self.path = path
        self.length = os.fstat(descriptor).st_size
        self._lock = lock
        self._descriptor = descriptor

    def append(self, lines: bytes) -> None:
        """Whole lines, on disk when this returns. Raises `OSError`; then they do not count as written."""
        os.ftruncate(self._descriptor, self.length)  # what an attempt before could not finish
        os.lseek(self._descriptor, self.length, os.SEEK_SET)
        fault("spool.append.before_write")
        left = memoryview(lines)
        while left:
            left = left[os.write(self._descriptor, left) :]
        fault("spool.append.before_sync")
        os.fsync(self._descriptor)
        self.length += len(lines)
        fault("spool.append.after_sync")

    def lines(self) -> bytes:
        """Every whole line. Raises `OSError`."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        found, left = b"", self.length
        while left and (piece := os.read(self._descriptor, min(left, _PIECE))):
            found, left = found + piece, left - len(piece)
        return found[: found.rfind(b"\n") + 1]

    def cut(self) -> None:
        """Nothing is left. Raises `OSError`."""
        fault("spool.cut.before")
        os.ftruncate(self._descriptor, 0)
        os.fsync(self._descriptor)
        self.length = 0
        fault("spool.cut.after")

    def close(self) -> None:
        """Let go of it; a file with nothing in it goes. Twice is no fault."""
        if self._descriptor < 0:
            return
        os.close(self._descriptor)
        self._descriptor = -1
        self._lock.close()
        if not self.length:
            with suppress(FileNotFoundError):  # somebody has taken it over meanwhile, and left as little
                os.unlink(self.path)


def new_file(folder: str) -> SpoolFile:
    """A file of this process in `folder`, which is made. Raises `OSError`, `StoreFault`."""
    private_files.make_folder(folder)
    with locked(os.path.join(folder, _LOCK)):
        path = os.path.join(folder, token_hex(8) + _ENDING)
        private_files.write_new(path, b"")
        made = _taken(path)
    assert made is not None  # noqa: S101 - nobody else takes a file without the lock; states it for the type
    return made


def left_behind(folder: str) -> list[SpoolFile]:
    """The files in `folder` whose processes live no more, taken over. Raises `OSError`."""
    if not folder or not os.path.isdir(folder):
        return []
    found = []
    with locked(os.path.join(folder, _LOCK)):
        for path in _paths(folder):
            try:
                taken = _taken(path)
            except StoreFault as unsafe:
                log.warning("what waits to be told in the audit log is left alone: %s", unsafe)
                continue
            if taken is not None:
                found.append(taken)
    return found


def waiting(folder: str) -> int:
    """How many lines are in all files of `folder`, whosever they are. Raises `OSError`, `StoreFault`."""
    if not os.path.isdir(folder):
        return 0
    return sum(private_files.read(path, _PIECE * 64).count(b"\n") for path in _paths(folder))


def _paths(folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(_ENDING)]


def _taken(path: str) -> SpoolFile | None:
    """The file, locked; `None` while another process has it."""
    private_files.refuse_unsafe(path)
    lock = try_lock(path)
    if lock is None:
        return None
    return SpoolFile(path, lock, private_files.open_descriptor(path))
