"""States and kinds in words, and the strip of a record's last hours. SVG is built of numbers and fixed words only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..core.fields import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, IMPLICIT, PASSWORD
from ..doctor.words import duration
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2

if TYPE_CHECKING:
    from ..keeper.ports import Summary
    from .journal import Act

STATES: Final = {
    "live": "Live",
    "renewing": "Renewing",
    "idle": "Idle",
    "needs_login": "Needs login",
    "misconfigured": "Misconfigured",
    "failing": "Failing",
    "static": "Static",
}
"""Every state that a record has, with its word."""

DAY: Final = 86400.0
WEEK: Final = 7 * DAY
_TYPES: Final = {kind.type: kind.label for kind in AUTH_TYPES}
_GRANTS: Final = {choice.key: choice.label for choice in GRANT_CHOICES}
ALONE: Final = frozenset({CLIENT_CREDENTIALS, PASSWORD})
BY_PERSON: Final = frozenset({AUTHORIZATION_CODE, IMPLICIT})


@dataclass(frozen=True, slots=True)
class Stated:
    """A record's state: the key, in words, and why."""

    state: str
    words: str
    reason: str


def kind_words(auth_type: str, grant: str) -> str:
    """`Bearer Token`, `API Key`, and for OAuth 2.0 the grant: `Client Credentials`."""
    words = _TYPES.get(auth_type, auth_type)
    return _GRANTS.get(grant, words) if auth_type == OAuth2.type else words


def stated(summary: Summary, now: float) -> Stated:
    """The state of a line of the list, with how long a token still lives."""
    state = summary.state
    if state == "live" and summary.live_until is not None and summary.live_until <= now:
        state = "idle" if summary.grant in ALONE else "needs_login"
    words = STATES.get(state, state)
    if state == "live" and summary.live_until is not None:
        words = f"Live · {duration(summary.live_until - now)}"
    elif state in {"misconfigured", "failing"} and summary.reason:
        words = f"{words} · {summary.reason.split(':')[0][:40]}"
    return Stated(state, words, summary.reason)


def exact(at: float) -> str:
    """The moment in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


@dataclass(frozen=True, slots=True)
class Tick:
    """Something that happened: `kind` is `renewed`, `login`, `expired` or `failed`; `at` in UTC seconds."""

    kind: str
    at: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A time in which a token lived, UTC seconds."""

    begin: float
    end: float


def strip(
    segments: Iterable[Segment],
    ticks: Sequence[Tick],
    *,
    begin: float,
    end: float,
    width: int,
    height: int,
    name: str,
) -> str:
    """The strip as SVG. Colour is never alone: lives are bands, renewals are thin, failures reach the full height."""
    scale: Callable[[float], float] = lambda at: max(0.0, min(1.0, (at - begin) / (end - begin))) * width  # noqa: E731 - one line, used below
    middle, band = height / 2, height * 0.4
    parts = [f'<rect class="base" x="0" y="{middle - 0.5:.1f}" width="{width}" height="1"/>']
    for segment in segments:
        x, to = scale(segment.begin), scale(segment.end)
        if to > x:
            parts.append(
                f'<rect class="token" x="{x:.1f}" y="{middle - band / 2:.1f}" width="{to - x:.1f}" '
                f'height="{band:.1f}" rx="1.5"/>'
            )
    for tick in ticks:
        if begin <= tick.at <= end:
            tall = height if tick.kind in {"failed", "expired"} else height * 0.7
            parts.append(
                f'<rect class="{tick.kind}" x="{scale(tick.at) - 0.75:.1f}" y="{(height - tall) / 2:.1f}" width="1.5" '
                f'height="{tall:.1f}"/>'
            )
    kind = "life" if height < 30 else "life-wide"
    counts = {
        word: sum(tick.kind == word for tick in ticks) for word in ("renewed", "login", "expired", "failed")
    }
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "nothing happened"
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{name}: {told}">{"".join(parts)}</svg>'
    )


TICKS: Final = {
    "token.renew": "renewed",
    "token.carry": "renewed",
    "login.finish": "login",
}
"""The acts that the strip shows, when they went well."""


def ticks_of(acts: Iterable[Act]) -> list[Tick]:
    """What happened to a record, as ticks."""
    return [
        Tick(TICKS[act.action] if act.outcome == "ok" else "failed", act.at)
        for act in acts
        if act.action in TICKS
    ]


def segments_of(ticks: Sequence[Tick], live_until: float | None, now: float) -> list[Segment]:
    """Lives of tokens: from each success to the next, the last to the end that is known."""
    good = [tick.at for tick in ticks if tick.kind in {"renewed", "login"}]
    if not good:
        return []
    ends = [*good[1:], min(now, live_until) if live_until is not None else now]
    return [Segment(begin, end) for begin, end in zip(good, ends, strict=True)]
