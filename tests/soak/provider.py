"""The provider of a soak: its tokens live for seconds, it rotates, and it fails a part of its answers."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable

from authrecord.testing import HonestServer
from authrecord.testing.messages import Received, Reply, as_json

GRACE_SECONDS = 600.0
"""For how long a rotated refresh token is taken once more: without it a lost answer ends the login."""

LOST_OF_FAILED = 0.2
"""The part of the failures that are answers lost behind the rotation; the others are 503 before it."""


class FailingProvider(HonestServer):
    """`fails`: the part of the token requests that go wrong. `failed`, `asked`: how many."""

    def __init__(
        self, *, token_life: float, fails: float, seed: int, make_secret: Callable[[str], str]
    ) -> None:
        super().__init__(token_life=token_life, grace=GRACE_SECONDS, make_secret=make_secret)
        self._fails = fails
        self._random = random.Random(seed)
        self.asked = 0
        self.failed = 0

    def is_live(self, access_token: str) -> bool:
        """Whether the API takes this token now."""
        return self._state.live(access_token) is not None

    async def _token(self, received: Received) -> Reply:
        self.asked += 1
        if self._random.random() >= self._fails:
            return await super()._token(received)
        self.failed += 1
        if self._random.random() >= LOST_OF_FAILED:
            return as_json({"error": "temporarily_unavailable"}, 503)
        await super()._token(received)
        return Reply(raw=_nothing, reset=True)


async def _nothing() -> AsyncIterator[bytes]:
    """No bytes at all."""
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece
