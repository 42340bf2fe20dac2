"""What a person is told when only a login helps: exactly what happened, as far as anybody here knows."""

from __future__ import annotations

import time

from ..core.errors import LoginRequired, Refused
from .ports import Intent


def no_login(name: str, *, renewable: bool) -> LoginRequired:
    """There is nothing to renew with."""
    why = "there is no login, or it has ended" if renewable else "its tokens cannot be renewed"
    return LoginRequired(
        f"record {name!r} needs a person to log in: {why}.", hint=f"Run `authrecord login {name}`."
    )


def refresh_refused(
    name: str, refused: Refused, unfinished: Intent | None, *, answer_lost: bool
) -> LoginRequired:
    """The provider refuses the refresh token: after a lost answer, or although nobody here had begun to use it.

    `unfinished`: what another holder began and never ended (I10). `answer_lost`: our own request's answer did not
    come (I9). With neither, the newest refresh token of this store was used or revoked elsewhere (I13).
    """
    login = f"Run `authrecord login {name}`."
    if unfinished is None and not answer_lost:
        return LoginRequired(
            f"record {name!r}: the provider no longer accepts the refresh token ({refused.message})",
            hint=f"It was revoked, ran out, or this refresh token was used elsewhere. {login}",
            code="refresh_refused",
        )
    if unfinished is not None:
        what = f"the renewal that {unfinished.owner} began at {_moment(unfinished.started_at)} was never finished"
    else:
        what = "the answer to the renewal was lost on the way"
    return LoginRequired(
        f"record {name!r}: {what}, and the provider does not accept the same refresh token again ({refused.message})",
        hint=f"The new token was issued and never arrived here. {login}",
        code="answer_lost",
    )


def taking_up(intent: Intent) -> str:
    """For the log: a renewal whose end nobody knows is tried once more."""
    return (
        f"{intent.owner} began a renewal at {_moment(intent.started_at)} and did not finish it; "
        "sending the same refresh token once more"
    )


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
