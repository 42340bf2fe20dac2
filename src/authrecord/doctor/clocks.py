"""Step: this machine's clock against the database's and a provider's (attack rows J1, J5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

from ..core.errors import AuthrecordError
from ..core.messages import Request
from ..keeper.ports import Sender
from ..stores.sql.backend import Backend
from .step import Step, note, ok

NAME = "clock"

MOST_SECONDS: Final = 60.0
"""A difference that begins to matter: signed assertions and the ends of tokens are judged by it."""


def check_clocks(
    backend: Backend | None, origins: Sequence[str], send: Sender, *, now: Callable[[], float]
) -> Step:
    """Asks the database, and each of `origins` for its Date: a GET of `/` that carries nothing."""
    differences = [*_database(backend, now), *_providers(origins, send)]
    details = [_said(who, ahead) for who, ahead in differences]
    wrong = [(who, ahead) for who, ahead in differences if ahead is not None and abs(ahead) > MOST_SECONDS]
    if wrong:
        return note(
            NAME, _said(*wrong[0]), *details, advice="Have the clock of this machine, or theirs, set by NTP."
        )
    if not any(ahead is not None for _, ahead in differences):
        return ok(NAME, "nobody else's clock to compare with", *details)
    return ok(NAME, "it agrees with the others", *details)


def _database(backend: Backend | None, now: Callable[[], float]) -> Iterator[tuple[str, float | None]]:
    if backend is None or backend.kind != "postgres":
        return  # SQLite has no clock but this one
    try:
        with backend.reading() as transaction:
            before = now()
            theirs = transaction.now()
            yield "the database", (before + now()) / 2 - theirs
    except AuthrecordError:
        yield "the database", None


def _providers(origins: Sequence[str], send: Sender) -> Iterator[tuple[str, float | None]]:
    for origin in origins:
        try:
            response = send(Request("GET", f"{origin}/"))
            theirs = parsedate_to_datetime(response.header("date")).timestamp()
        except (AuthrecordError, ValueError, TypeError, OverflowError):
            yield origin, None
            continue
        yield origin, response.sent_at - theirs


def _said(who: str, ahead: float | None) -> str:
    if ahead is None:
        return f"{who} did not say what time it is"
    if abs(ahead) <= MOST_SECONDS:
        return f"{who}: within {max(1.0, abs(ahead)):.0f} s"
    return f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} {who}"
