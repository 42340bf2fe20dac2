"""A refusal of a young credential is a refusal, not "expired" (decision 33). One judgement for all who serve others."""

from __future__ import annotations

from typing import Final, Protocol

from .live import Live
from .trust import Trust

YOUNG_SECONDS: Final = 5.0
"""Nothing that a provider has just issued ends so soon, if the provider says how long it lives."""

YOUNG_OF_LIFE: Final = 0.25
"""No more than this part of a token's life: a token of two seconds is young for half of one."""

YOUNG_WITHOUT_LIFE: Final = 1.0
"""Seconds, where nobody said how long the token lives: shorter than any life in use."""


class Holder(Protocol):
    """What is asked of an `Authenticator`."""

    @property
    def held(self) -> Live | None:
        """The credential in memory."""
        ...

    @property
    def trust(self) -> Trust:
        """Whether refusals may cost renewals."""
        ...


def refused_young(authenticator: Holder, live: Live, *, now: float, most: float) -> bool:
    """True when `live`, which an answer calls expired, is too young for that. Then the record cools down.

    `now`: UTC seconds. `most`: seconds, `YOUNG_SECONDS` unless a test says otherwise. A credential that has been
    replaced meanwhile is judged by nobody: the request is simply sent again with its successor.
    """
    held = authenticator.held
    if live.token is None or held is None or not held.is_same(live):
        return False
    if not 0 <= now - live.token.obtained_at < min(most, _of_life(live.token.life)):
        return False
    authenticator.trust.refused_again()
    return True


def _of_life(life: float | None) -> float:
    return YOUNG_WITHOUT_LIFE if life is None or life <= 0 else life * YOUNG_OF_LIFE
