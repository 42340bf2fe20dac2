"""What happens after an answer has come, written once for every library: judge, renew, replay, judge again.

A generator that does no I/O. It yields what it needs; the adapter of a library does it and sends the result back.
Only requests that may have met an expired token come here: the hot path does not.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ..keeper.attempt import Attempt
from ..keeper.authenticator import Authenticator
from ..keeper.live import Live

DRAINED_BYTES: Final = 64 * 1024
"""How much of a refused answer is read, so that its connection returns to the pool; a longer one is closed."""

_WITHOUT_BODY: Final = frozenset({101, 204, 205, 304})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the story looks at: the head of an answer, in no library's own form."""

    status: int
    reason: str
    headers: Sequence[tuple[bytes, bytes]]

    def values(self, lower_name: bytes) -> list[str]:
        """The values of a header, decoded as Latin-1."""
        return [value.decode("latin-1") for name, value in self.headers if name.lower() == lower_name]


@dataclass(frozen=True, slots=True)
class PeekBody:
    """Wanted: the beginning of the decoded body (bytes). The caller must still get all of it."""


@dataclass(frozen=True, slots=True)
class Renew:
    """Wanted: the credential after `rejected`, through `attempt.renewed`; `None` when none can be had."""

    rejected: Live


@dataclass(frozen=True, slots=True)
class Replay:
    """Wanted: the present answer drained, the body rewound and the request sent with `live`.

    What comes back is the new `Answer`, and the credential that was sent: a newer one than `live` where the request
    had to wait for a connection, and somebody renewed meanwhile.
    """

    live: Live


Need: TypeAlias = PeekBody | Renew | Replay
Story: TypeAlias = Generator[Need, Any, None]


def story(
    authenticator: Authenticator, attempt: Attempt, live: Live, answer: Answer, *, method: str, streamed: bool
) -> Story:
    """The story of one request from its first answer on. Afterwards `attempt.outcome` tells it."""
    while True:
        expired = None
        if answer.status >= 400:
            expired = authenticator.expired_by_status(answer.status, answer.values(b"www-authenticate"))
        if expired is None and authenticator.has_pattern:
            body = b""
            if _has_body(method, answer) and authenticator.wants_body(_content_type(answer), streamed):
                body = yield PeekBody()
            expired = authenticator.expired_by_pattern(answer.status, answer.reason, answer.headers, body)
        if not attempt.wants_renewal(live, expired):
            return
        fresh = yield Renew(live)
        if not attempt.wants_replay(live, fresh, answer.status):
            return
        answer, live = yield Replay(fresh)


def _has_body(method: str, answer: Answer) -> bool:
    """False where HTTP sends none (RFC 9110 §6.4.1), and for an upgraded connection (G7, G17)."""
    return method != "HEAD" and answer.status not in _WITHOUT_BODY


def _content_type(answer: Answer) -> str:
    return next(iter(answer.values(b"content-type")), "")
