"""Back-pressure towards a caller: while anybody has a reason to wait, nothing is read from its connection."""

from __future__ import annotations

import asyncio


class Holds:
    """The reasons, each a word. `transport` is the caller's, `None` once it has gone."""

    __slots__ = ("_reasons",)

    def __init__(self) -> None:
        self._reasons: set[str] = set()

    def hold(self, why: str, transport: asyncio.Transport | None) -> None:
        """Read no more until `release` is called with the same word."""
        if not self._reasons and transport is not None:
            transport.pause_reading()
        self._reasons.add(why)

    def release(self, why: str, transport: asyncio.Transport | None) -> None:
        """This reason is gone; the last one lets reading go on."""
        if why in self._reasons:
            self._reasons.discard(why)
            if not self._reasons:
                _resume(transport)

    def release_all(self, transport: asyncio.Transport | None) -> None:
        """Nobody waits for anything any more: a request has ended."""
        if self._reasons:
            self._reasons.clear()
            _resume(transport)


def _resume(transport: asyncio.Transport | None) -> None:
    if transport is not None and not transport.is_closing():
        transport.resume_reading()
