"""Authenticators built by hand, on a source that hands out the tokens it was given, one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from authrecord.core.errors import AuthrecordError
from authrecord.core.messages import Stamp
from authrecord.core.origin import allowed_origins
from authrecord.core.replay import ReplayPolicy
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.keeper.authenticator import Authenticator
from authrecord.keeper.live import Live
from authrecord.keeper.trust import Trust
from authrecord.record import Record
from authrecord.schemes.bearer import Bearer

Make = Callable[[Secret], Stamp]

PLACEMENTS: dict[str, Make] = {
    "Authorization": lambda secret: Stamp(headers=(("Authorization", Secret("Bearer " + secret.reveal())),)),
    "X-API-Key": lambda secret: Stamp(headers=(("X-API-Key", secret),)),
    "custom header": lambda secret: Stamp(headers=(("X-Tenant-Pass", secret),)),
    "query": lambda secret: Stamp(query=(("api_key", secret),), headers=(("Cache-Control", "no-store"),)),
    "cookie": lambda secret: Stamp(cookies=(("session_key", secret),)),
}


class Tokens:
    """A source of the given secrets. A rejected one makes it go on to the next; then it raises `error`."""

    renewable = True

    def __init__(self, secrets: list[str], make: Make, error: AuthrecordError | None = None) -> None:
        self._lives = [
            Live(make(Secret(value)), Token(access_token=Secret(value), obtained_at=0.0)) for value in secrets
        ]
        self._error = error
        self._lock = threading.Lock()
        self._next = 0
        self.live: Live | None = None
        self.obtained = 0
        self.renewable = len(secrets) > 1 or error is not None

    def obtain(self, rejected: Live | None = None) -> Live:
        with self._lock:
            if self.live is not None and not self.live.is_same(rejected):
                return self.live
            if self._next >= len(self._lives):
                if self._error is not None:
                    raise self._error
                assert self.live is not None
                return self.live
            self.live = self._lives[self._next]
            self._next += 1
            self.obtained += 1
            return self.live

    async def obtain_async(self, rejected: Live | None = None) -> Live:
        return self.obtain(rejected)


def authenticator(
    secrets: list[str] | str,
    *origins: str,
    placement: str = "Authorization",
    pattern: bytes = b"",
    judges_streams: bool = False,
    policy: ReplayPolicy = ReplayPolicy.ON_REFUSAL,
    error: AuthrecordError | None = None,
    source: Tokens | None = None,
) -> Authenticator:
    values = [secrets] if isinstance(secrets, str) else secrets
    return Authenticator(
        Record(name="orders", auth=Bearer(token=Secret(values[0] if values else ""))),
        source or Tokens(values, PLACEMENTS[placement], error),
        allowed=allowed_origins(origins),
        clock=time,
        trust=Trust(time.monotonic, lambda: 0.0),
        matcher=(lambda seen: pattern in seen) if pattern else None,
        judges_streams=judges_streams,
        replay_policy=policy,
    )
