"""A token, and when to use it, renew it early, or not use it at all.

A token's life is counted from the moment its request was sent. Two clocks judge it, the wall clock and the
monotonic one, and the earlier verdict counts: a wall clock that jumps back cannot keep a dead token alive
(J2), and a laptop that slept, during which the monotonic clock stood, does not trust a token of yesterday (J3).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from .secret import Secret

MARGIN_SECONDS: Final = 30.0
"""The longest early-renewal margin."""

MARGIN_OF_LIFE: Final = 0.1
"""The margin is never larger than this part of the life, so that a token of one second is still used (J9)."""

LONGEST_LIFE: Final = 10 * 365 * 86400.0
"""A life beyond ten years is read as ten years (C14)."""

CLOCK_TOLERANCE: Final = 60.0
"""A token from further in the future than this was obtained under another clock: it is renewed (J4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token and what came with it.

    `obtained_at`: UTC seconds, the moment the request was sent. `obtained_monotonic`: the same on this
    process's monotonic clock, or `None` for a token read from a store. `life`: seconds, `None` when nobody
    said; 0 or less when the server said that it is already over. `issued_by`: the token endpoint.
    `generation` grows by one with each renewal. `remarks`: what was odd about the provider's answer, in
    sentences; they are for a person, and are not stored.
    """

    access_token: Secret
    token_type: str = "Bearer"
    obtained_at: float
    obtained_monotonic: float | None = None
    life: float | None = None
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    scope: str | None = None
    issued_by: str = ""
    generation: int = 0
    remarks: tuple[str, ...] = field(default=(), compare=False)

    @property
    def expires_at(self) -> float | None:
        """UTC seconds, or `None` when the life is unknown."""
        return None if self.life is None else self.obtained_at + self.life

    def is_same(self, other: Token | None) -> bool:
        """True when `other` carries the same access token."""
        return other is not None and self.access_token == other.access_token

    def numbered(self, generation: int) -> Token:
        """This token as the `generation`-th of its record."""
        return replace(self, generation=generation)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Until when a token serves, on both clocks: `wall` UTC seconds, `monotonic` seconds; infinite if unknown.

    Before `renew_*` it is used as it is. Between `renew_*` and `wait_*` it is used while a renewal runs beside.
    From `wait_*` on a caller waits for the renewal; after `end_*` the token is dead.
    """

    renew_wall: float
    renew_monotonic: float
    wait_wall: float
    wait_monotonic: float
    end_wall: float
    end_monotonic: float

    def fresh(self, wall: float, monotonic: float) -> bool:
        """True while nothing needs to be done."""
        return wall < self.renew_wall and monotonic < self.renew_monotonic

    def unhurried(self, wall: float, monotonic: float) -> bool:
        """True while the token may be used although a renewal is due."""
        return wall < self.wait_wall and monotonic < self.wait_monotonic

    def alive(self, wall: float, monotonic: float) -> bool:
        """True while the token has not run out."""
        return wall < self.end_wall and monotonic < self.end_monotonic


def margin(life: float) -> float:
    """Seconds before its end at which a token of `life` seconds is renewed: at most 30 s, at most a tenth."""
    return min(MARGIN_SECONDS, life * MARGIN_OF_LIFE)


def deadlines(token: Token, *, wall: float, monotonic: float, jitter: float = 0.0) -> Deadlines:
    """The deadlines of `token` as seen at `wall` (UTC seconds) and `monotonic` (seconds).

    `jitter`, 0 to 1, takes up to a tenth off the margin, so that records that began together do not renew
    together (J10). A life that is unknown, or that the server declares over at birth (C13), never ends by the
    clock: the API's own answer ends it.
    """
    forever = float("inf")
    if token.life is None or token.life <= 0:
        return Deadlines(forever, forever, forever, forever, forever, forever)
    life = min(token.life, LONGEST_LIFE)
    if token.obtained_at > wall + CLOCK_TOLERANCE:
        return Deadlines(wall, monotonic, wall, monotonic, wall, monotonic)
    born_monotonic = token.obtained_monotonic
    if born_monotonic is None:
        born_monotonic = monotonic - max(0.0, wall - token.obtained_at)
    early = margin(life) * (1.0 - 0.1 * jitter)
    return Deadlines(
        token.obtained_at + life - early,
        born_monotonic + life - early,
        token.obtained_at + life - early / 2,
        born_monotonic + life - early / 2,
        token.obtained_at + life,
        born_monotonic + life,
    )
