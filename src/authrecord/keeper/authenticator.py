"""One record, ready to authenticate requests. What every adapter for an HTTP library works with.

The hot path (a destination seen before, a live credential in memory) takes no lock, does no I/O and imports
nothing: two clock reads, two comparisons, one dictionary look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ..core.contracts import Clock
from ..core.errors import OriginRefused
from ..core.expiry import Expired, Matcher, by_pattern, by_status, what_the_pattern_sees
from ..core.origin import DEFAULT_PORTS, AllowedOrigins, Origin, canonical_host, release
from ..core.replay import Outcome, Reason, ReplayPolicy
from ..record import Record
from .attempt import Attempt
from .gate import Source
from .live import FOREVER, Live
from .observing import PATTERN_MATCHED, RELEASE_DENIED, Observer, Unobserved
from .trust import Trust

USE_SECONDS: Final = 10.0
"""A use is told at most so often by one authenticator."""

MOST_DESTINATIONS: Final = 1024
"""How many destinations the answer "released or not" is remembered for."""


class Authenticator:
    """Releases, stamps and judges for one record. Made by `Keeper.authenticator`; safe to share.

    `source`, `time` and `monotonic` are for adapters that write `ready` out on their hot path.
    """

    def __init__(
        self,
        record: Record,
        source: Source,
        *,
        allowed: AllowedOrigins,
        clock: Clock,
        trust: Trust,
        matcher: Matcher | None,
        judges_streams: bool,
        replay_policy: ReplayPolicy,
        observer: Observer | None = None,
        used: Callable[[str], None] | None = None,
    ) -> None:
        self.record = record
        self.observer = observer if observer is not None else Unobserved()
        self.name = record.name
        self.trust = trust
        self.replay_policy = replay_policy
        self.has_pattern = matcher is not None
        self.judges_streams = judges_streams
        self.source = source
        self._allowed = allowed
        self._matcher = matcher
        self.time = clock.time
        self.monotonic = clock.monotonic
        self._released: dict[tuple[str, str, int | None], bool] = {}
        self._used = used
        self._use_again = 0.0

    def __repr__(self) -> str:
        return f"Authenticator({self.name!r})"

    @property
    def renewable(self) -> bool:
        """True when a refused credential can be replaced by a new one."""
        return self.source.renewable

    @property
    def held(self) -> Live | None:
        """The credential in memory, if any; it may have run out."""
        return self.source.live

    def releases(self, scheme: str, host: str, port: int | None) -> bool:
        """True when the credential may go to this destination. `port` `None` is the scheme's own.

        The three come from the HTTP library's own parsed URL, which is what it will dial: no second parser
        decides about the destination (D9).
        """
        key = (scheme, host, port)
        found = self._released.get(key)
        return self._look_up(key) if found is None else found

    def release(self, origin: Origin) -> Origin:
        """`origin` itself. Raises `OriginRefused` when the record does not allow it."""
        try:
            return release(self.name, self._allowed, origin)
        except OriginRefused:
            self.observer.noticed(RELEASE_DENIED)
            raise

    def ready(self) -> Live | None:
        """The credential in memory while nothing needs to be done for it; `None` when `credential` must be asked."""
        live = self.source.live
        if live is not None:
            deadlines = live.deadlines  # what `Deadlines.fresh` says; a static credential reads no clock
            if deadlines is FOREVER or (
                self.time() < deadlines.renew_wall and self.monotonic() < deadlines.renew_monotonic
            ):
                return live
        return None

    def credential(self, rejected: Live | None = None) -> Live:
        """The credential to use now; another one than `rejected`. Blocks while it is obtained.

        Raises `LoginRequired`, `TryLater`, `Misconfigured`, `Refused`, `BadAnswer`, `RecordFault` or
        `StoreFault` when none can be had: then the request must not be sent.
        """
        if rejected is None and (live := self.ready()) is not None:
            return live
        return self.source.obtain(rejected)

    async def credential_async(self, rejected: Live | None = None) -> Live:
        """The same for a task; it waits without blocking the event loop."""
        if rejected is None and (live := self.ready()) is not None:
            return live
        return await self.source.obtain_async(rejected)

    def note_use(self) -> None:
        """The record is used: told to whoever wants to know, once in a while."""
        now = self.monotonic()
        if self._used is not None and now >= self._use_again:
            self._use_again = now + USE_SECONDS
            self._used(self.name)

    def attempt(self, method: str, replayable: bool) -> Attempt:
        """The story of one request begins. `replayable`: its body can be sent a second time."""
        if self._used is not None:
            self.note_use()
        return Attempt(self, method, replayable)

    def not_released(self) -> Outcome:
        """The outcome of a request to a destination that the record does not allow."""
        return Outcome(self.name, Reason.NOT_RELEASED)

    def has_run_out(self, live: Live) -> bool:
        """True when the credential's life is over by one of the clocks."""
        return not live.deadlines.alive(self.time(), self.monotonic())

    def expired_by_status(self, status: int, challenges: Iterable[str]) -> Expired | None:
        """Judge by status and `WWW-Authenticate` values. An adapter asks this first; only for 400 and above."""
        return by_status(status, challenges)

    def wants_body(self, content_type: str, streamed: bool) -> bool:
        """True when the beginning of the body is to be read for the pattern.

        An event stream, and an answer that the caller streams, is judged by status and headers alone unless
        the record opts in (G7, G10).
        """
        if self._matcher is None:
            return False
        return self.judges_streams or not (streamed or content_type.lower().startswith("text/event-stream"))

    def expired_by_pattern(
        self, status: int, reason: str, headers: Iterable[tuple[bytes, bytes]], body: bytes = b""
    ) -> Expired | None:
        """Judge by the record's pattern. `body`: the beginning of the decoded body, empty if it is not read."""
        if self._matcher is None:
            return None
        found = by_pattern(self._matcher, what_the_pattern_sees(status, reason, headers, body))
        if found is not None:
            self.observer.noticed(PATTERN_MATCHED)
        return found

    def _look_up(self, key: tuple[str, str, int | None]) -> bool:
        scheme, host, port = key
        scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
        try:
            found = Origin(scheme, canonical_host(host), port or DEFAULT_PORTS[scheme]) in self._allowed
        except (ValueError, KeyError):
            found = False  # a host or scheme that has no canonical form is nobody's destination
        if len(self._released) >= MOST_DESTINATIONS:
            self._released.clear()
        if not found:
            self.observer.noticed(RELEASE_DENIED)  # once for each destination: the hot path counts nothing
        self._released[key] = found
        return found
