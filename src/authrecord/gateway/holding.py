"""An answer that is held back until it is judged: its head, and the beginning of its body if a pattern wants that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from .grammar import ResponseHead
from .judging import Judge

MOST_REFUSAL_BYTES: Final = 64 * 1024
"""How much of an answer is kept while a renewal is under way because of it."""

PEEK_SECONDS: Final = 2.0
"""How long an answer is held back for its pattern: a slow stream goes on after it."""


class Holding:
    """Tells `decided`, once, whether a renewal is due; with it, whether the time was up.

    `pieces`: what has come of the body; the caller gets it when the answer passes.
    """

    def __init__(
        self,
        judge: Judge,
        head: ResponseHead,
        decided: Callable[[bool, bool], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.pieces: list[bytes] = []
        self.is_decided = False
        self._size = 0
        self._judge = judge
        self._head = head
        self._decided = decided
        self._peek = judge.peek(head)
        self._timer = None if self._peek is None else loop.call_later(PEEK_SECONDS, self._late)

    @property
    def is_full(self) -> bool:
        """True when a renewal is under way and no more of the answer is to be kept for it."""
        return self.is_decided and self._size > MOST_REFUSAL_BYTES

    def begin(self) -> None:
        """Decide at once where the head is enough."""
        if self._peek is None:
            self._decide()

    def feed(self, data: bytes) -> None:
        """More of the body has come."""
        self.pieces.append(data)
        self._size += len(data)
        if not self.is_decided and self._peek is not None and self._peek.feed(data):
            self._decide()

    def end(self) -> None:
        """All of the body has come."""
        if not self.is_decided:
            self._decide()

    def stop(self) -> None:
        """Nobody wants to know any more."""
        self.is_decided = True
        if self._timer is not None:
            self._timer.cancel()

    def _late(self) -> None:
        self._decide(late=True)

    def _decide(self, *, late: bool = False) -> None:
        self.stop()
        body = b"" if self._peek is None else self._peek.body
        self._decided(self._judge.wants_renewal(self._head, body), late)
