"""The token after the one that a caller has, where it is due or was refused. No caller renews what is not its own.

A program that keeps the token in memory, as the library does over a URL, says which one it has by a hash. Only the
newest token is ever renewed for it, so that a thousand programs with the same old token cost one renewal; and a refusal
costs what it costs at the gateway (decisions 8, 33 and 56).
"""

from __future__ import annotations

from typing import Final

from ...core.contracts import Clock
from ...core.token import Token, deadlines
from ...keeper.authenticator import Authenticator
from ...keeper.keeper import Keeper
from ...keeper.live import Live
from ...keeper.naming import token_mark
from ...keeper.young import YOUNG_SECONDS, refused_young
from ...record import Record
from .shapes import TokenHeld

_LOOPBACK: Final = "http://127.0.0.1"


def succeeding(keeper: Keeper, record: Record, wanted: TokenHeld | None, clock: Clock) -> Token:
    """The token of an OAuth 2.0 record for a caller that has the one in `wanted`. Raises as `Keeper.token` does."""
    token = keeper.token(record)
    if wanted is None or not wanted.held or token_mark(token) != wanted.held:
        return token
    authenticator = keeper.authenticator(record, base_url=_LOOPBACK)
    live = authenticator.held
    if live is None or not token.is_same(live.token):
        return keeper.token(record)  # it was replaced in this moment
    wall, monotonic = clock.time(), clock.monotonic()
    due = not deadlines(token, wall=wall, monotonic=monotonic).fresh(wall, monotonic)
    if wanted.refused and not authenticator.has_run_out(live):
        due = _costs_a_renewal(authenticator, live, clock)
    elif due:
        authenticator.trust.accepted()  # it came to its end, and nobody had refused it
    return keeper.token(record, rejected=token) if due else token


def _costs_a_renewal(authenticator: Authenticator, live: Live, clock: Clock) -> bool:
    """True when the refusal of a token that has not run out may cost a renewal."""
    trust = authenticator.trust
    if trust.is_cooling or refused_young(authenticator, live, now=clock.time(), most=YOUNG_SECONDS):
        return False
    return trust.spend(live)
