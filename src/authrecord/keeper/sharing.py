"""How a renewal failed, as all processes that share a store shall know it, and the same error made of it again.

Shared is what the provider said, and a request whose end nobody knows. Not shared is what is wrong with one machine
or process: a missing variable, no way to the provider, a store that does not answer; others may do better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..core.errors import (
    AuthrecordError,
    BadAnswer,
    LoginRequired,
    Misconfigured,
    Refused,
    TryLater,
)
from .backoff import Backoff
from .ports import Failure

NEEDS_LOGIN: Final = "needs_login"
MISCONFIGURED: Final = "misconfigured"
FAILING: Final = "failing"

UNWELL: Final = "provider_unwell"
"""The code of a `TryLater` that the provider itself answered."""

DEAD_SECONDS: Final = 6 * 3600.0
"""For how long a refresh token that the provider refused is not sent again; a new login ends it."""

DEAD_CODES: Final = frozenset({"refresh_refused", "answer_lost"})
"""The codes of a `LoginRequired` that a provider's refusal caused."""

LONGEST_MESSAGE: Final = 500
_REFUSED: Final = "refused."


def failure_of(error: BaseException, failures: int, fraction: Callable[[], float]) -> Failure | None:
    """What others shall know of `error`; `None` when it is this process's own affair.

    `failures`: how many there were before, one after another: the pause doubles with each, from 1 s to 5 minutes.
    """
    if isinstance(error, LoginRequired):
        return _failure(NEEDS_LOGIN, error, error.code, DEAD_SECONDS if error.code in DEAD_CODES else 0.0)
    if isinstance(error, Misconfigured):
        return _failure(MISCONFIGURED, error, error.code, _pause(failures, fraction))
    if isinstance(error, Refused):
        return _failure(FAILING, error, f"{_REFUSED}{error.error}", _pause(failures, fraction))
    if isinstance(error, BadAnswer):
        return _failure(FAILING, error, error.code, _pause(failures, fraction))
    if isinstance(error, TryLater) and (error.outcome_unknown or error.code == UNWELL):
        pause = _pause(failures, fraction, error.retry_after)
        return _failure(FAILING, error, error.code, pause, outcome_unknown=error.outcome_unknown)
    return None


def error_of(failure: Failure, name: str) -> AuthrecordError:
    """The error that a process gets instead of asking the provider again. `name`: of the record."""
    if failure.state == NEEDS_LOGIN:
        return LoginRequired(failure.message, hint=f"Run `authrecord login {name}`.", code=failure.code)
    if failure.state == MISCONFIGURED:
        return Misconfigured(failure.message, code=failure.code)
    if failure.code.startswith(_REFUSED):
        return Refused(failure.message, error=failure.code.removeprefix(_REFUSED))
    if failure.code == BadAnswer.code:
        return BadAnswer(failure.message)
    return TryLater(failure.message, retry_after=failure.quiet_seconds, code=failure.code)


def _failure(
    state: str, error: AuthrecordError, code: str, quiet_seconds: float, *, outcome_unknown: bool = False
) -> Failure:
    message = error.message.replace("\0", "")[:LONGEST_MESSAGE]
    return Failure(state, code, message, quiet_seconds, outcome_unknown)


def _pause(failures: int, fraction: Callable[[], float], asked: float = 0.0) -> float:
    backoff = Backoff(fraction)
    for _ in range(min(failures, 16)):
        backoff.next()
    return backoff.next(asked)
