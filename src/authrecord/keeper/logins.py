"""Logins that wait for a person: begun, finished once, forgotten when their time is over.

They live in the memory of the process that began them, so that an answer is bound to that process: its `state`
is known nowhere else (security decision 6). The page keeps its own in the store instead, sealed and bound to a session.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from ..core.contracts import Clock
from ..core.errors import LoginFailed, RecordFault
from ..core.fields import AUTHORIZATION_CODE, IMPLICIT
from ..core.token import Token
from ..grants import authorization_code, implicit
from ..grants.pending import LIFE_SECONDS, Answer, PendingLogin, check_answer
from .provider import Provider
from .run import run

MOST_PENDING: Final = 1000


class Logins:
    """The pending logins of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: dict[str, PendingLogin] = {}

    def begin(self, provider: Provider, *, redirect_uri: str) -> PendingLogin:
        """A new login, with the URL to open. Raises `RecordFault` for a grant that needs nobody."""
        begin = _BEGIN.get(provider.auth.grant)
        if begin is None:
            raise RecordFault(f"record {provider.record.name!r} needs nobody to log in.", field="auth.grant")
        pending = begin(provider.client(), provider.means, redirect_uri=redirect_uri)
        with self._lock:
            self._forget_old()
            if len(self._pending) >= MOST_PENDING:
                raise LoginFailed("too many logins are waiting.", hint="Finish or wait for the others.")
            self._pending[_key(pending)] = pending
        return pending

    def finish(
        self,
        provider: Provider,
        pending: PendingLogin,
        answer: Answer,
        take: Callable[[], bool] | None = None,
    ) -> Token:
        """The token that `answer` brings. Used once: a second answer, even at the same time, is refused (A13).

        `take`: takes the login out of where it is kept instead of here, and says whether it was still there.
        Raises `LoginFailed` with code `not_ours` for an answer that does not belong to `pending`, which then
        goes on waiting; with code `already_used` for a second one; and whatever the exchange raises.
        """
        client = provider.client()
        try:
            check_answer(pending, answer, client, now=self._clock.time())
        except LoginFailed as failure:
            if failure.code != "not_ours":
                self.abandon(pending)
            raise
        if not (self._taken(pending) if take is None else take()):
            raise LoginFailed("this login's answer was used already.", code="already_used")
        if pending.grant == IMPLICIT:
            return implicit.finish(
                client, pending, answer, provider.means, began_monotonic=self._clock.monotonic()
            )
        return run(authorization_code.finish(client, pending, answer, provider.means), provider.send)

    def abandon(self, pending: PendingLogin) -> None:
        """Forget `pending`: no answer will be accepted for it."""
        with self._lock:
            self._pending.pop(_key(pending), None)

    def _taken(self, pending: PendingLogin) -> bool:
        with self._lock:
            return self._pending.pop(_key(pending), None) is not None

    def _forget_old(self) -> None:
        now = self._clock.time()
        self._pending = {key: one for key, one in self._pending.items() if now - one.began_at <= LIFE_SECONDS}


def _key(pending: PendingLogin) -> str:
    """A fixed state may be shared by two logins, so the redirect address and the moment are part of the key."""
    from hashlib import sha256

    text = f"{pending.record}\n{pending.redirect_uri}\n{pending.began_at}\n{pending.state.reveal()}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_BEGIN: Final = {AUTHORIZATION_CODE: authorization_code.begin, IMPLICIT: implicit.begin}
