"""The provider of a race: rotates, detects reuse, is slow, loses answers, and writes down what it was shown."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from authrecord.testing import HonestServer
from authrecord.testing.messages import Received, Reply, as_json

from .history import Journal, fingerprint


@dataclass(frozen=True, slots=True)
class Manners:
    """How the provider behaves. `grace`: seconds in which a rotated refresh token is taken once more.

    `slow`: the longest time that a request waits to be looked at, and its answer to be sent (seconds). `lossy`,
    `unwell`: the part of the answers that are lost behind the rotation, and of those that are 503 before it.
    """

    token_life: float
    grace: float = 0.0
    slow: float = 0.05
    lossy: float = 0.0
    unwell: float = 0.0


class RotatingProvider(HonestServer):
    """An honest server with a history. `records` name its clients: each has one login."""

    def __init__(
        self,
        manners: Manners,
        journal: Journal,
        randomness: random.Random,
        make_secret: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(token_life=manners.token_life, grace=manners.grace, make_secret=make_secret)
        self._manners = manners
        self._journal = journal
        self._random = randomness

    def log_in(self, record: str, secret: str) -> tuple[str, str]:
        """The first pair of `record`, whose client has the record's name."""
        self.register_client(client_id=record, secret=secret, authentication="body")
        return self.log_in_again(record)

    def log_in_again(self, record: str) -> tuple[str, str]:
        """The first pair of another login of `record`."""
        access, refresh = self.issue_login(self._state.clients[record])
        self._journal.note("login", record=record, access=fingerprint(access), refresh=fingerprint(refresh))
        return access, refresh

    async def _token(self, received: Received) -> Reply:
        """The honest answer, noted before anything else can happen to it, and perhaps lost."""
        presented = dict(received.form).get("refresh_token", "")
        known = self._state.refresh.get(presented)
        about = {"record": known.client_id if known else "", "presented": fingerprint(presented)}
        await asyncio.sleep(self._random.uniform(0, self._manners.slow))
        if self._random.random() < self._manners.unwell:
            self._journal.note("unwell", **about)
            return as_json({"error": "temporarily_unavailable"}, 503)
        reused = self.counters.reuse_detected
        reply = await super()._token(received)
        lost = reply.status == 200 and self._random.random() < self._manners.lossy
        said = json.loads(reply.body)
        if reply.status != 200:
            why = "reuse" if self.counters.reuse_detected > reused else str(said.get("error"))
            self._journal.note("refused", detail=why, **about)
            return reply
        self._journal.note(
            "issued",
            access=fingerprint(said["access_token"]),
            refresh=fingerprint(said["refresh_token"]),
            detail="lost" if lost else "",
            **about,
        )
        await asyncio.sleep(self._random.uniform(0, self._manners.slow))
        return Reply(raw=_nothing, reset=True) if lost else reply


async def _nothing() -> AsyncIterator[bytes]:
    """No bytes at all."""
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece
