"""Renews the token of one record: claim, look again, say what will be sent, send, settle.

The store decides who renews, across threads, processes and machines. Between the claim and the settlement there is
at most one token request with a given refresh token, except the one retry after an answer that was lost (I9): by
the same process at once, or by the next one, which finds the intent that was never closed (I10).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from ..core.contracts import Clock, Flow
from ..core.errors import AuthrecordError, LoginRequired, Refused, StoreFault, TryLater
from ..core.faults import fault
from ..core.fields import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, IMPLICIT, PASSWORD
from ..core.secret import Secret
from ..core.token import Token, deadlines
from ..grants import client_credentials, password, refresh
from ..grants.client import OAuthClient
from . import stories
from .observing import (
    NOT_STORED,
    OUTCOME_UNKNOWN,
    REUSE_SUSPECTED,
    TAMPERED,
    Observer,
    Unobserved,
    notice_unwritten,
)
from .ports import Claim, Intent, TokenKey, TokenStore
from .provider import Provider
from .run import run
from .sharing import error_of, failure_of
from .unsaved import Unsaved

log = logging.getLogger("authrecord")

Found = TypeVar("Found")

CLAIM_SECONDS: Final = 45.0
"""How long a claim stands. The whole renewal ends well before: the sender's deadline is 15 s, twice at most."""

SEND_SECONDS: Final = 20.0
"""What must be left of the claim when a refresh token is sent: the sender's deadline, and some for the way there."""

SLACK_SECONDS: Final = 4.0
"""A process that was stopped for longer than this between the question and the sending does not send (I7)."""

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
        fraction: Callable[[], float] = lambda: 0.0,
        unsaved: Unsaved | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._provider = provider
        self._key = key
        self._store = store
        self._clock = clock
        self._pause = pause
        self._fraction = fraction
        self._unsaved = unsaved if unsaved is not None else Unsaved(store)
        self._observer = observer if observer is not None else Unobserved()
        self._name = provider.record.name
        self._grant = provider.auth.grant

    def __call__(self, held: Token | None, rejected: Token | None) -> Token:
        """The token to use: one that another process obtained, or a new one; never `rejected`.

        `held`: the newest token in memory. Only one that could not be written yet counts as newer than the store's.
        """
        # What waits to be written is newer than the store; any other token in memory may be of a login that has ended.
        unsaved = held if self._unsaved.waits(self._key, held) else None
        stored = self._looked(lambda: self._store.load(self._key))
        if stored is not None and _newest(stored, unsaved) is stored and self._usable(stored, rejected):
            return stored
        began = self._clock.monotonic()
        claim = self._looked(
            lambda: self._store.claim(self._key, seconds=CLAIM_SECONDS, patience=PATIENCE_SECONDS)
        )
        self._observer.waited(self._clock.monotonic() - began)
        fault("refresh.reloaded")
        newest = _newest(claim.token, unsaved)
        if claim.token is not None and newest is claim.token and self._usable(claim.token, rejected):
            self._store.release(claim)
            return claim.token
        if claim.failure is not None:
            self._store.release(claim)
            raise error_of(claim.failure, self._name)
        began = self._clock.monotonic()
        try:
            token = self._renewed(claim, newest)
        except BaseException as error:
            self._give_back(claim, error)
            outcome = error.code if isinstance(error, AuthrecordError) else "interrupted"
            self._observer.renewed(outcome, self._clock.monotonic() - began)
            newer = self._saved_by_a_late_holder(claim, error, rejected)
            if newer is None:
                raise
            return newer
        saved = self.settle(claim, token)
        self._observer.renewed("ok", self._clock.monotonic() - began)
        fault("refresh.before_publish")
        return saved

    def settle(self, claim: Claim, token: Token) -> Token:
        """Save `token`; what the store kept. A store that cannot write costs a warning, not the token (K5, I14)."""
        try:
            saved = self._store.settle(claim, token)
            newer = self._store.load(self._key) if saved is None else None
        except (StoreFault, TryLater) as error:
            log.warning(
                "record %s: the new token is not stored yet and lives in memory only: %s", self._name, error
            )
            self._observer.noticed(NOT_STORED)
            notice_unwritten(self._observer, error)
            self._unsaved.keep(claim, token)
            return token.numbered(claim.generation + 1)
        if saved is not None:
            return saved
        return newer if newer is not None else token.numbered(claim.generation + 1)

    def login_required(self) -> LoginRequired:
        """The error that says which login is needed and how."""
        return stories.no_login(self._name, renewable=self._grant != IMPLICIT)

    def _looked(self, look: Callable[[], Found]) -> Found:
        try:
            return look()
        except StoreFault as error:
            if error.code == "tampered":
                self._observer.noticed(TAMPERED)
            raise

    def _give_back(self, claim: Claim, error: BaseException) -> None:
        """End the claim: with what others shall know of the failure, or without a word."""
        failure = failure_of(error, claim.failures, self._fraction)
        try:
            if failure is None:
                self._store.release(claim)
            else:
                self._store.fail(claim, failure)
        except (StoreFault, TryLater) as also:
            notice_unwritten(self._observer, also)
            log.warning("record %s: the claim ends by its time only: %s", self._name, also)

    def _saved_by_a_late_holder(
        self, claim: Claim, error: BaseException, rejected: Token | None
    ) -> Token | None:
        """The token of a holder before this one, who was thought dead and has saved meanwhile (I7)."""
        if not isinstance(error, (LoginRequired, TryLater)):
            return None
        try:
            stored = self._store.load(self._key)
        except (StoreFault, TryLater):
            return None
        is_newer = stored is not None and stored.generation > claim.generation
        return stored if stored is not None and is_newer and self._usable(stored, rejected) else None

    def _usable(self, token: Token, rejected: Token | None) -> bool:
        if token.is_same(rejected):
            return False
        wall, monotonic = self._clock.time(), self._clock.monotonic()
        return deadlines(token, wall=wall, monotonic=monotonic).fresh(wall, monotonic)

    def _renewed(self, claim: Claim, held: Token | None) -> Token:
        client = self._provider.client()
        if (
            held is not None
            and held.refresh_token is not None
            and self._grant in {AUTHORIZATION_CODE, PASSWORD}
        ):
            token = self._refreshed(client, claim, held, held.refresh_token)
            if token is not None:
                return token
        return self._repeated(client, held)

    def _refreshed(
        self, client: OAuthClient, claim: Claim, held: Token, refresh_token: Secret
    ) -> Token | None:
        """The token that the refresh token brings; `None` when it is dead and the grant can be repeated."""
        unfinished = self._unfinished(claim, refresh_token)
        lost: list[TryLater] = []

        def attempt() -> Token:
            self._intend(claim, refresh_token)
            try:
                return self._sent(lambda: refresh.obtain(client, held, self._provider.means))
            except TryLater as error:
                if error.outcome_unknown:
                    lost.append(error)
                    self._observer.noticed(OUTCOME_UNKNOWN)
                raise

        try:
            return self._with_retries(attempt, at_once=True, after_loss=unfinished is None)
        except Refused as refused:
            if refused.error != "invalid_grant":
                raise
            if self._grant == PASSWORD and self._provider.auth.credentials.keep_password:
                log.info(
                    "record %s: the refresh token is no longer accepted; repeating the grant", self._name
                )
                return None
            if unfinished is None and not lost:
                self._observer.noticed(REUSE_SUSPECTED)
            raise stories.refresh_refused(self._name, refused, unfinished, answer_lost=bool(lost)) from None

    def _unfinished(self, claim: Claim, refresh_token: Secret) -> Intent | None:
        """What a holder before this one began with the same refresh token, and nobody knows the end of."""
        intent = claim.intent
        if intent is None or intent.generation != claim.generation:
            return None
        if intent.fingerprint != self._store.fingerprint(refresh_token):
            return None
        log.warning("record %s: %s", self._name, stories.taking_up(intent))
        self._observer.noticed(OUTCOME_UNKNOWN)
        return intent

    def _intend(self, claim: Claim, refresh_token: Secret) -> None:
        """Write down what is about to be sent. Raises `TryLater` when the claim does not last long enough for it."""
        began = self._clock.monotonic()
        stands = self._store.intend(claim, refresh_token, seconds=SEND_SECONDS)
        if not stands or self._clock.monotonic() - began > SLACK_SECONDS:
            raise TryLater(
                f"record {self._name!r}: the right to renew ran out before the request was sent.",
                hint="Try again.",
                code="claim_over",
            )

    def _repeated(self, client: OAuthClient, held: Token | None) -> Token:
        """The grant once more, where it needs nobody."""
        means = self._provider.means
        if self._grant == CLIENT_CREDENTIALS:
            return self._with_retries(lambda: self._sent(lambda: client_credentials.obtain(client, means)))
        if self._grant == PASSWORD and (held is None or self._provider.auth.credentials.keep_password):
            return self._with_retries(lambda: self._sent(lambda: password.obtain(client, means)))
        raise self.login_required()

    def _sent(self, flow: Callable[[], Flow]) -> Token:
        fault("refresh.before_send")
        token = run(flow(), self._provider.send)
        fault("refresh.parsed")
        return token

    def _with_retries(
        self, attempt: Callable[[], Token], *, at_once: bool = False, after_loss: bool = True
    ) -> Token:
        """Attempt; again when the provider is unwell. A lost answer is retried at once, once (I9).

        `after_loss`: false when this attempt is itself the one retry after a loss.
        """
        pauses = list(RETRY_PAUSES)
        while True:
            try:
                return attempt()
            except TryLater as error:
                if not pauses or error.code == "claim_over" or error.retry_after > RETRY_PAUSES[-1]:
                    raise
                pause = pauses.pop(0)
                if error.outcome_unknown:
                    if not after_loss:
                        raise
                    pauses.clear()
                    pause = 0.0 if at_once else pause
                log.info("record %s: %s Trying again.", self._name, error.message)
                self._pause(pause)


def _newest(stored: Token | None, held: Token | None) -> Token | None:
    if stored is None or held is None:
        return stored or held
    return held if held.generation > stored.generation else stored
