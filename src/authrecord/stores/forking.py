"""What a forked child must not share with its parent: connections, and locks that nobody will release (row I15)."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forks(Protocol):
    """Something that must be told of a fork."""

    def before_fork(self) -> None:
        """No other thread is inside while the process forks."""
        ...

    def after_fork_in_parent(self) -> None:
        """Go on."""
        ...

    def after_fork_in_child(self) -> None:
        """Begin anew; what the parent has open is never closed here."""
        ...


_watched: weakref.WeakSet[Forks] = weakref.WeakSet()
_stopped: list[Forks] = []


def watch(one: Forks) -> None:
    """Tell `one` of every fork while it lives."""
    _watched.add(one)


def leak(inherited: object) -> None:
    """Keep what the parent opened alive in this child past the end of the interpreter.

    Closing it, even by garbage collection at exit, could take it away under the parent.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))


def _before_fork() -> None:
    stopped = list(_watched)
    for one in stopped:
        one.before_fork()
    _stopped[:] = stopped


def _after_fork_in_parent() -> None:
    while _stopped:
        _stopped.pop().after_fork_in_parent()


def _after_fork_in_child() -> None:
    while _stopped:
        _stopped.pop().after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
