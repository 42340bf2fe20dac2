"""The keeper: one live token per record for everybody who asks, in every thread and every task."""

from __future__ import annotations

import logging
import os
import random
import secrets
import time
import weakref
from collections.abc import Callable
from dataclasses import replace

from ..core.contracts import Clock, Means, Resolver, Signer
from ..core.errors import AuthrecordError, LoginRequired, RecordFault, StoreFault
from ..core.faults import fault
from ..core.fields import CLIENT_CREDENTIALS, PASSWORD
from ..core.messages import Stamp
from ..core.origin import AllowedOrigins, allowed_origins, origin_of
from ..core.replay import ReplayPolicy
from ..core.secret import Reference, Secret
from ..core.token import Token, deadlines
from ..documents.patterns import compile_pattern
from ..grants import client_credentials, revocation
from ..grants import password as password_grant
from ..grants.client import OAuthClient
from ..grants.pending import Answer, PendingLogin
from ..record import OAuth2, Record
from ..schemes.bearer import Bearer
from .authenticator import Authenticator
from .backoff import Backoff
from .bounded import Bounded
from .crew import Crew, Work, start_alone
from .gate import Gate, Obtain, Source
from .issuing import Issuing
from .live import Live
from .logins import Logins
from .naming import token_key
from .observing import Observer, Unobserved
from .ports import Claim, Issuer, Sender, TokenKey, TokenStore
from .provider import Provider
from .renewal import CLAIM_SECONDS, PATIENCE_SECONDS, Renewal
from .resolving import resolved
from .run import run
from .stamping import static_stamp, token_stamp
from .static import Static
from .trust import Trust
from .unsaved import Unsaved

log = logging.getLogger("authrecord")


class Keeper:
    """Keeps the credentials of records. Share one per process; it is safe for threads and tasks.

    `store` keeps tokens between calls, processes and runs; `send` talks to authorization servers; `resolve`
    finds referenced secrets; `sign` makes JWTs. `clock`, `fraction` (a random 0 to 1) and `pause` are arguments
    so that tests can turn them. `observer`: who counts what happens. `used`: is told the name of a record that is
    used, before each request at most; it must return at once. `issuer`: obtains every credential instead; then no
    provider is asked from here, and no reference resolved.
    """

    def __init__(
        self,
        store: TokenStore,
        *,
        send: Sender,
        resolve: Resolver,
        sign: Signer,
        clock: Clock = time,
        token_text: Callable[[], str] = lambda: secrets.token_urlsafe(32),
        fraction: Callable[[], float] = random.random,
        pause: Callable[[float], None] = time.sleep,
        observer: Observer | None = None,
        used: Callable[[str], None] | None = None,
        issuer: Issuer | None = None,
    ) -> None:
        self.store = store
        self._issuer = issuer
        self._send = send
        self._resolve = resolve
        self._clock = clock
        self._fraction = fraction
        self._pause = pause
        self._means = Means(now=clock.time, random=token_text, sign=sign)
        self._logins = Logins(clock)
        self._observer = observer if observer is not None else Unobserved()
        self._used = used
        self._unsaved = Unsaved(store)
        self._crew: Crew | None = None
        self._gates: Bounded[TokenKey, Gate] = Bounded()
        self._providers: Bounded[TokenKey, Provider] = Bounded()
        self._trusts: Bounded[TokenKey, Trust] = Bounded()
        _keepers.add(self)

    def authenticator(
        self,
        record: Record,
        *,
        base_url: str = "",
        replay: ReplayPolicy = ReplayPolicy.ON_REFUSAL,
    ) -> Authenticator:
        """`record`, ready to authenticate requests.

        A record without `allowed_origins` takes the origin of `base_url`. Raises `RecordFault` when neither
        says where the credential may go, and for a message pattern that cannot be read.
        """
        exchange = record.auth.token_exchange if isinstance(record.auth, OAuth2) else None
        pattern = exchange.expired_pattern if exchange is not None else ""
        return Authenticator(
            record,
            self._source(record),
            allowed=destinations(record, base_url),
            clock=self._clock,
            trust=self._trust(record),
            matcher=compile_pattern(pattern) if pattern else None,
            judges_streams=exchange is not None and exchange.expired_pattern_in_streams,
            replay_policy=replay,
            observer=self._observer,
            used=self._used,
        )

    def token(self, record: Record, rejected: Token | None = None) -> Token:
        """The live token of an OAuth 2.0 record; another one than `rejected`. Blocks while it is obtained.

        Raises `RecordFault` for a record that obtains none, and whatever obtaining raises.
        """
        _oauth2(record)
        gate = self._gate(record)
        if self._used is not None:
            self._used(record.name)
        live = gate.obtain(None if rejected is None else Live(Stamp(), rejected))
        if live.token is None:
            raise LoginRequired(f"record {record.name!r} has no token.")
        return live.token

    def held(self, key: TokenKey) -> Live | None:
        """The token in memory while nothing needs to be done for it; `None` when `token` must be asked."""
        gate = self._gates.find(key)
        live = None if gate is None else gate.live
        if live is None or not live.deadlines.fresh(self._clock.time(), self._clock.monotonic()):
            return None
        return live

    def heed(self, key: TokenKey, obtained_at: float | None) -> None:
        """Drop the token in memory where the store holds a later one, or none: another process renewed or revoked it.

        `obtained_at`: of the store's token, UTC seconds. One in memory that waits to be written is newer, and stays.
        """
        gate = self._gates.find(key)
        token = gate.live.token if gate is not None and gate.live is not None else None
        if gate is None or token is None or self._unsaved.waits(key, token):
            return
        if obtained_at is None or obtained_at > token.obtained_at:
            gate.drop()

    def renew(self, record: Record, held: Token) -> Token:
        """A token in place of `held`, although that still lives; another process's, if one has renewed it already.

        Keeps nothing in memory: for a worker that goes through many records. Raises whatever obtaining raises.
        """
        return self._renewal(record, _oauth2(record), token_key(record))(None, held)

    def begin_login(self, record: Record, *, redirect_uri: str) -> PendingLogin:
        """A login that a person finishes. Raises `RecordFault` for a grant that needs nobody."""
        return self._logins.begin(self._provider(record, _oauth2(record)), redirect_uri=redirect_uri)

    def finish_login(
        self,
        record: Record,
        pending: PendingLogin,
        answer: Answer,
        take: Callable[[], bool] | None = None,
    ) -> Token:
        """The token that the answer brings, stored and live for everybody. See `Logins.finish`."""
        token = self._logins.finish(self._provider(record, _oauth2(record)), pending, answer, take)
        return self.adopt(record, token)

    def abandon_login(self, pending: PendingLogin) -> None:
        """Forget a login that nobody will finish."""
        self._logins.abandon(pending)

    def log_in_alone(self, record: Record, password: Secret | None = None) -> Token:
        """A new token by a grant that needs nobody, with `password` in place of the record's own.

        Raises `RecordFault` for a grant that needs a person, and whatever obtaining raises.
        """
        provider = self._provider(record, _oauth2(record))
        client = provider.client()
        if provider.auth.grant == PASSWORD:
            client = replace(client, password=password or client.password)
            return self.adopt(record, run(password_grant.obtain(client, self._means), self._send))
        if provider.auth.grant == CLIENT_CREDENTIALS:
            return self.adopt(record, run(client_credentials.obtain(client, self._means), self._send))
        raise RecordFault(f"record {record.name!r} needs a person to log in.", field="auth.grant")

    def adopt(self, record: Record, token: Token) -> Token:
        """Store `token` as the record's newest and use it from now on."""
        auth = _oauth2(record)
        key = token_key(record)
        claim = self._claim_for_login(key)
        saved = self._renewal(record, auth, key).settle(claim, token)
        self._gate(record).adopt(
            self._live(auth, replace(saved, obtained_monotonic=token.obtained_monotonic))
        )
        return saved

    def _claim_for_login(self, key: TokenKey) -> Claim:
        """A claim; a stored token that was tampered with is dropped, since a new login takes its place."""
        try:
            return self.store.claim(key, seconds=CLAIM_SECONDS, patience=PATIENCE_SECONDS)
        except StoreFault as fault:
            if fault.code != "tampered":
                raise
        self.store.forget(key)
        return self.store.claim(key, seconds=CLAIM_SECONDS, patience=PATIENCE_SECONDS)

    def forget(self, record: Record) -> None:
        """Drop the record's tokens, in memory and in the store."""
        key = token_key(record)
        gate = self._gates.find(key)
        if gate is not None:
            gate.drop()
        self.store.forget(key)

    def revoke(self, record: Record) -> bool:
        """Give the record's kept token back to its provider (RFC 7009); `False` when there is none, or it did not work.

        Whoever deletes a record goes on either way: what cannot be taken back runs out by itself.
        """
        if not isinstance(record.auth, OAuth2):
            return False
        try:
            token = self.store.load(token_key(record))
            if token is None:
                return False
            run(revocation.revoke(self._revoking(record, record.auth), token, self._means), self._send)
        except AuthrecordError as error:
            log.info("record %s: its tokens were not taken back: %s", record.name, error)
            return False
        fault("delete.revoke_sent")
        return True

    def _revoking(self, record: Record, auth: OAuth2) -> OAuthClient:
        """The client, with the endpoint that takes tokens back where the provider names one."""
        provider = self._provider(record, auth)
        client = provider.client()
        if client.revocation_url or not auth.issuer:
            return client
        return replace(client, revocation_url=provider.metadata().revocation_endpoint)

    def provider(self, record: Record) -> Provider:
        """What is known of the record's provider; for the doctor. Raises `RecordFault` for a static record."""
        return self._provider(record, _oauth2(record))

    def keep_threads(self) -> None:
        """Renew in threads that are kept: for a process of our own that stays. See `Crew`."""
        self._crew = self._crew or Crew()

    def close(self) -> None:
        """Close the store and the sender's kept connections. The keeper is not used after it."""
        if self._crew is not None:
            self._crew.close()
        self._unsaved.flush()
        self.store.close()
        self._send.close()

    def reset_after_fork(self) -> None:
        """In a forked child: no renewal of the parent runs here, and none of its locks is ever released."""
        for kept in (self._gates, self._providers, self._trusts):
            kept.reset_after_fork()
        self._unsaved.reset_after_fork()
        if self._crew is not None:
            self._crew.reset_after_fork()
        for gate in self._gates:
            gate.reset_after_fork()

    def _start(self, name: str, work: Work) -> None:
        start = start_alone if self._crew is None else self._crew.start
        start(name, work)

    def _source(self, record: Record) -> Source:
        auth = record.auth
        if isinstance(auth, OAuth2) or self._issuer is not None:
            return self._gate(record)
        source = auth.token if isinstance(auth, Bearer) else auth.value
        return Static(
            lambda: resolved(source, self._resolve),
            lambda secret: static_stamp(auth, secret),
            renewable=isinstance(source, Reference),
        )

    def _gate(self, record: Record) -> Gate:
        def make() -> Gate:
            return Gate(
                self._obtaining(record),
                clock=self._clock,
                backoff=Backoff(self._fraction),
                name=record.name,
                start=self._start,
            )

        return self._gates.get(token_key(record), make)

    def _obtaining(self, record: Record) -> Obtain:
        if self._issuer is not None:
            return Issuing(self._issuer, record, clock=self._clock, fraction=self._fraction)
        auth = _oauth2(record)
        renewal = self._renewal(record, auth, token_key(record))

        def obtain(held: Live | None, rejected: Live | None) -> Live:
            token = renewal(held.token if held else None, rejected.token if rejected else None)
            return self._live(auth, token)

        return obtain

    def _renewal(self, record: Record, auth: OAuth2, key: TokenKey) -> Renewal:
        return Renewal(
            self._provider(record, auth),
            key,
            self.store,
            clock=self._clock,
            pause=self._pause,
            fraction=self._fraction,
            unsaved=self._unsaved,
            observer=self._observer,
        )

    def _provider(self, record: Record, auth: OAuth2) -> Provider:
        if self._issuer is not None:
            raise StoreFault(
                f"the provider of record {record.name!r} is asked by the server that keeps the record.",
                hint="Do this at the server's page.",
                code="at_the_server",
            )
        return self._providers.get(
            token_key(record),
            lambda: Provider(record, auth, send=self._send, resolve=self._resolve, means=self._means),
        )

    def _trust(self, record: Record) -> Trust:
        return self._trusts.get(token_key(record), lambda: Trust(self._clock.monotonic, self._fraction))

    def _live(self, auth: OAuth2, token: Token) -> Live:
        until = deadlines(
            token, wall=self._clock.time(), monotonic=self._clock.monotonic(), jitter=self._fraction()
        )
        return Live(token_stamp(auth, token), token, until)


def destinations(record: Record, base_url: str = "") -> AllowedOrigins:
    """Where the record's credential may go. Raises `RecordFault` when nobody says."""
    if not record.allowed_origins and not base_url:
        raise RecordFault(
            f"record {record.name!r} does not say where its credential may be sent.",
            field="allowed_origins",
            hint="List the API's origins, such as https://api.example.com.",
            code="no_origins",
        )
    try:
        return allowed_origins(record.allowed_origins or (str(origin_of(base_url)),))
    except ValueError as fault:
        field = "allowed_origins" if record.allowed_origins else "base_url"
        raise RecordFault(f"record {record.name!r}: {field} {fault}.", field=field) from None


def _oauth2(record: Record) -> OAuth2:
    if isinstance(record.auth, OAuth2):
        return record.auth
    raise RecordFault(f"record {record.name!r} obtains no token this way.", field="auth.type")


_keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()


def _after_fork() -> None:
    for keeper in _keepers:
        keeper.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
