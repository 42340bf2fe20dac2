"""Renews the token of one record: claim, look again, renew, settle.

The store decides who renews, across threads, processes and runs. Between the claim and the settlement there is
at most one token request with a given refresh token, except the one retry after an answer that was lost (I9).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from ..core.contracts import Clock, Flow
from ..core.errors import LoginRequired, Refused, StoreFault, TryLater
from ..core.fields import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, IMPLICIT, PASSWORD
from ..core.token import Token, deadlines
from ..grants import client_credentials, password, refresh
from ..grants.client import OAuthClient
from .ports import Claim, TokenKey, TokenStore
from .provider import Provider
from .run import run

log = logging.getLogger("authrecord")

CLAIM_SECONDS: Final = 45.0
"""How long a claim stands. The whole renewal ends well before: the sender's deadline is 15 s, twice at most."""

PATIENCE_SECONDS: Final = 50.0
"""How long to wait for another process's renewal: longer than a claim can stand."""

RETRY_PAUSES: Final = (0.3, 1.0)
"""Seconds before a grant that is safe to repeat is tried again when the provider is unwell (C26)."""


class Renewal:
    """Obtains the next token of one record. Called in a renewal's own thread; blocks."""

    def __init__(
        self,
        provider: Provider,
        key: TokenKey,
        store: TokenStore,
        *,
        clock: Clock,
        pause: Callable[[float], None],
    ) -> None:
        self._provider = provider
        self._key = key
        self._store = store
        self._clock = clock
        self._pause = pause
        self._name = provider.record.name
        self._grant = provider.auth.grant

    def __call__(self, held: Token | None, rejected: Token | None) -> Token:
        """The token to use: one that another process obtained, or a new one; never `rejected`.

        `held`: the newest token in memory, which may be newer than the store's if that could not be written.
        """
        stored = self._store.load(self._key)
        if stored is not None and self._usable(stored, rejected):
            return stored
        claim = self._store.claim(self._key, seconds=CLAIM_SECONDS, patience=PATIENCE_SECONDS)
        try:
            if claim.token is not None and self._usable(claim.token, rejected):
                self._store.release(claim)
                return claim.token
            token = self._renewed(_newest(claim.token, held))
        except BaseException:
            self._store.release(claim)
            raise
        return self.settle(claim, token)

    def settle(self, claim: Claim, token: Token) -> Token:
        """Save `token`; what the store kept. A store that cannot write costs a warning, not the token (K5)."""
        try:
            saved = self._store.settle(claim, token)
        except StoreFault as fault:
            log.warning(
                "record %s: the new token could not be stored and lives in memory only: %s", self._name, fault
            )
            return token.numbered(claim.generation + 1)
        if saved is not None:
            return saved
        newer = self._store.load(self._key)
        return newer if newer is not None else token.numbered(claim.generation + 1)

    def _usable(self, token: Token, rejected: Token | None) -> bool:
        if token.is_same(rejected):
            return False
        wall, monotonic = self._clock.time(), self._clock.monotonic()
        return deadlines(token, wall=wall, monotonic=monotonic).fresh(wall, monotonic)

    def _renewed(self, held: Token | None) -> Token:
        client = self._provider.client()
        if (
            held is not None
            and held.refresh_token is not None
            and self._grant in {AUTHORIZATION_CODE, PASSWORD}
        ):
            token = self._refreshed(client, held)
            if token is not None:
                return token
        return self._repeated(client, held)

    def _refreshed(self, client: OAuthClient, held: Token) -> Token | None:
        """The token that the refresh token brings; `None` when it is dead and the grant can be repeated."""
        try:
            return self._with_retries(lambda: refresh.obtain(client, held, self._provider.means), renews=True)
        except Refused as refused:
            if refused.error != "invalid_grant":
                raise
            if self._grant == PASSWORD and self._provider.auth.credentials.keep_password:
                log.info(
                    "record %s: the refresh token is no longer accepted; repeating the grant", self._name
                )
                return None
            raise LoginRequired(
                f"record {self._name!r}: the provider no longer accepts the refresh token ({refused.message})",
                hint=f"It was revoked, ran out, or was used elsewhere. Run `authrecord login {self._name}`.",
            ) from None

    def _repeated(self, client: OAuthClient, held: Token | None) -> Token:
        """The grant once more, where it needs nobody."""
        means = self._provider.means
        if self._grant == CLIENT_CREDENTIALS:
            return self._with_retries(lambda: client_credentials.obtain(client, means))
        if self._grant == PASSWORD and (held is None or self._provider.auth.credentials.keep_password):
            return self._with_retries(lambda: password.obtain(client, means))
        raise self.login_required()

    def login_required(self) -> LoginRequired:
        """The error that says which login is needed and how."""
        why = (
            "its tokens cannot be renewed"
            if self._grant == IMPLICIT
            else "there is no login, or it has ended"
        )
        return LoginRequired(
            f"record {self._name!r} needs a person to log in: {why}.",
            hint=f"Run `authrecord login {self._name}`.",
        )

    def _with_retries(self, flow: Callable[[], Flow], *, renews: bool = False) -> Token:
        """Run the flow; again when the provider is unwell. A lost answer is retried at once, once (I9)."""
        pauses = list(RETRY_PAUSES)
        while True:
            try:
                return run(flow(), self._provider.send)
            except TryLater as error:
                if not pauses or error.retry_after > RETRY_PAUSES[-1]:
                    raise
                pause = pauses.pop(0)
                if error.outcome_unknown:
                    pauses.clear()
                    pause = 0.0 if renews else pause
                log.info("record %s: %s Trying again.", self._name, error.message)
                self._pause(pause)


def _newest(stored: Token | None, held: Token | None) -> Token | None:
    if stored is None or held is None:
        return stored or held
    return held if held.generation > stored.generation else stored
