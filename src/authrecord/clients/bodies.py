"""Can a request's body be sent a second time? (H4) Never an empty or truncated one: in doubt, no."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeAlias

Rewind: TypeAlias = Callable[[], None]
"""Brings a body back to where it began. Raises what the body's `seek` raises: then the request is not sent."""


def nothing_to_do() -> None:
    """The rewind of a body that is a value."""


def rewind_of(body: Any) -> Rewind | None:
    """How to rewind `body`, which has not been read yet; `None` when it can be read only once.

    Bytes, text and collections are values. A file goes back to its present position if it can seek. Iterators,
    generators and whatever is unknown are read once.
    """
    if body is None or isinstance(body, (bytes, bytearray, memoryview, str, list, tuple)):
        return nothing_to_do
    if isinstance(body, (Iterator, AsyncIterator)) and not hasattr(body, "seek"):
        return None
    return _rewind_of_file(body)


def _rewind_of_file(file: Any) -> Rewind | None:
    seek, tell = getattr(file, "seek", None), getattr(file, "tell", None)
    if not callable(seek) or not callable(tell):
        return None
    try:
        seekable = getattr(file, "seekable", None)
        if callable(seekable) and not seekable():
            return None
        position = tell()
    except (OSError, ValueError):  # a pipe, a socket's file, a closed file
        return None
    if not isinstance(position, int):
        return None  # an asynchronous file: its position arrives later
    return lambda: _back(seek, position)


def _back(seek: Callable[[int], object], position: int) -> None:
    seek(position)
