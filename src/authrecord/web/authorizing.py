"""Getting a token at the press of a button: in the browser, with the callback on this server, or alone.

A login that waits for its answer is bound to the session that began it: an answer with a valid `state` in another
browser is refused (attack rows A6, A10). It is kept in the store, sealed, and taken out once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from ..core.errors import AuthrecordError, LoginFailed, RecordFault
from ..core.fields import AUTHORIZATION_CODE, IMPLICIT
from ..core.secret import Secret
from ..core.token import Token
from ..doctor.words import duration
from ..grants.lifetime import claims_of
from ..grants.pending import LIFE_SECONDS, Answer, PendingLogin, not_ours, one
from ..grants.words import safe_words
from ..keeper.keeper import Keeper
from ..keeper.ports import StoredRecord
from ..record import OAuth2, Record
from ..signin.paste import pasted_answer
from ..stores.sql.pending_logins import PendingLogins, WaitingRow
from .kept_logins import read_pending, written
from .progress import DONE, FAILED, RUNNING, WAITING, Attempt, Progress, Step
from .rights import Caller
from .site import OpenRecords

_NAMES: Final = ("email", "preferred_username", "name", "sub")
"""Claims of an ID token that name the user, in the order in which people know themselves by them."""


ELSEWHERE: Final = "The answer came in at another server of this store; the state above is what became of it."


@dataclass(frozen=True)
class Waiting:
    """A login that waits for its answer: whose it is, and what it needs to end."""

    caller: Caller
    login: str
    pending: PendingLogin
    record: Record
    identity: str
    attempt: Attempt

    @property
    def implicit(self) -> bool:
        """True when the answer comes in the fragment."""
        return self.pending.grant == IMPLICIT


class Authorizing:
    """Begins logins, ends them with their answers, and gets tokens that need nobody.

    What waits is kept in the store, so that any of its servers can end it; the steps that a person watches are in the
    memory of one server. `now`: a clock that never goes back.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        logins: PendingLogins,
        records: OpenRecords,
        keeper: Callable[[str], Keeper],
    ) -> None:
        self.progress = Progress(now)
        self._logins = logins
        self._records = records
        self._keeper = keeper

    def begin(self, caller: Caller, stored: StoredRecord, *, base: str) -> tuple[Attempt, Secret]:
        """A login that waits for a person, and the address to open. `base`: the origin of this server.

        Raises what `Keeper.begin_login` raises, and `StoreFault`, `TryLater`.
        """
        auth = _oauth2(stored.record)
        own = callback_of(base, stored.identity)
        redirect_uri = auth.authorization.callback_url or own
        keeper = self._keeper(caller.tenant)
        pending = keeper.begin_login(stored.record, redirect_uri=redirect_uri)
        keeper.abandon_login(pending)  # it is not kept there, but in the store
        paste = not is_ours(redirect_uri, base) or not auth.authorization.use_browser
        plain = written(pending, stored.record, paste=paste)
        row = WaitingRow(_session(caller), _login(pending.state.reveal()), stored.identity, plain)
        self._logins.keep(caller.tenant, row, seconds=LIFE_SECONDS)
        host = urlsplit(pending.authorization_url.reveal()).hostname or ""
        words = f"Opened {host}" if not paste else f"Address of {host} made"
        attempt = self.progress.begin(caller.tenant, stored.record.name, _session(caller))
        attempt.paste = paste
        attempt.login = row.login
        attempt.add(Step("ok", words, self.progress.since(attempt)), WAITING)
        return attempt, pending.authorization_url

    def waiting_for(self, answer: Answer, caller: Caller, address: str) -> Waiting:
        """The login that an answer at `address` (without its query) belongs to.

        Raises `LoginFailed`, which says nothing of other sessions' logins: the state is unknown, doubled, or was
        sent for another callback (rows A1 to A3, A6, A12).
        """
        state = one(answer, "state")
        if not state:
            raise not_ours("the answer has no state")
        row = self._logins.find(caller.tenant, _session(caller), _login(state))
        waiting = None if row is None else self._waiting(caller, row)
        if waiting is None:
            raise not_ours("no login of this browser waits for that answer")
        expected, given = urlsplit(waiting.pending.redirect_uri), urlsplit(address)
        if (expected.scheme, expected.netloc, expected.path) != (given.scheme, given.netloc, given.path):
            raise not_ours("the answer came to the callback of another record")
        return waiting

    def any_of(self, caller: Caller) -> bool:
        """True when a login of that session waits whose answer comes in the fragment."""
        return any(
            read_pending(row.plain).pending.grant == IMPLICIT
            for row in self._logins.of_session(caller.tenant, _session(caller))
        )

    def latest(self, caller: Caller, name: str) -> Attempt | None:
        """The last attempt of the caller for a record, as far as this server knows."""
        found = self.progress.latest(caller.tenant, name, _session(caller))
        if found is None:
            waiting = self._last_of(caller, name)
            return None if waiting is None else waiting.attempt
        if found.state == WAITING and not self._logins.find(caller.tenant, found.session, found.login):
            found.add(Step("note", ELSEWHERE, self.progress.since(found)), DONE)
        return found

    def finish(self, waiting: Waiting, answer: Answer) -> Attempt:
        """The token that the answer brings. What went wrong stands in the attempt's steps.

        Raises `LoginFailed` for an answer that is not this login's, or was used already: then nothing has changed.
        """
        attempt, caller = waiting.attempt, waiting.caller
        at = self.progress.since(attempt)

        def take() -> bool:
            return self._logins.take(caller.tenant, attempt.session, waiting.login)

        try:
            keeper = self._keeper(caller.tenant)
            token = keeper.finish_login(waiting.record, waiting.pending, answer, take)
        except LoginFailed as failure:
            if failure.code in {"not_ours", "already_used"}:
                raise
            self._failed(attempt, failure, at)
            take()
        except AuthrecordError as error:
            attempt.add(Step("ok", "Code received", at))
            self._failed(attempt, error, self.progress.since(attempt))
            take()
        else:
            attempt.add(Step("ok", "Answer received" if waiting.implicit else "Code received", at))
            attempt.add(_received(token, self.progress.since(attempt)), DONE)
        return attempt

    def paste(self, caller: Caller, name: str, text: str) -> Attempt:
        """The same with an address that a person copied. Raises as `finish` and `pasted_answer`."""
        waiting = self._last_of(caller, name)
        if waiting is None:
            raise LoginFailed("no login is waiting.", hint="Start it again.", code="not_ours")
        return self.finish(waiting, pasted_answer(text, waiting.pending))

    def _last_of(self, caller: Caller, name: str) -> Waiting | None:
        """The newest login of the caller that waits for a record."""
        for row in self._logins.of_session(caller.tenant, _session(caller)):
            waiting = self._waiting(caller, row)
            if waiting is not None and waiting.record.name == name:
                return waiting
        return None

    def _waiting(self, caller: Caller, row: WaitingRow) -> Waiting | None:
        """The login of a row; `None` when its record is another one by now, to which the answer must not go."""
        kept = read_pending(row.plain)
        try:
            stored = self._records(caller.tenant, caller.actor).read(kept.pending.record)
        except RecordFault:
            return None
        if stored.identity != row.record or not kept.belongs_to(stored.record):
            return None
        name = stored.record.name
        attempt = self.progress.latest(caller.tenant, name, row.session)
        if attempt is None or attempt.login != row.login:
            attempt = self.progress.begin(caller.tenant, name, row.session)
            attempt.paste, attempt.login = kept.paste, row.login
            attempt.add(Step("note", "Begun at another server of this store", 0.0), WAITING)
        return Waiting(caller, row.login, kept.pending, stored.record, stored.identity, attempt)

    def obtain(self, caller: Caller, record: Record, keeper: Keeper, *, renew: bool) -> Attempt:
        """A token by a grant that needs nobody, or a renewal, in a thread of its own; never two for one browser."""
        running = self.progress.latest(caller.tenant, record.name, caller.session or caller.identity)
        if running is not None and running.state == RUNNING:
            return running
        attempt = self.progress.begin(caller.tenant, record.name, caller.session or caller.identity)
        thread = threading.Thread(
            target=self._obtained,
            args=(attempt, record, keeper, renew),
            name="authrecord-page-obtain",
            daemon=True,
        )
        thread.start()
        thread.join(0.25)  # most providers have answered by then, and the page need not ask again
        return attempt

    def _obtained(self, attempt: Attempt, record: Record, keeper: Keeper, renew: bool) -> None:
        attempt.add(Step("ok", f"Asking {_provider(record)}", self.progress.since(attempt)), RUNNING)
        try:
            token = keeper.token(record, keeper.token(record)) if renew else keeper.log_in_alone(record)
        except AuthrecordError as error:
            self._failed(attempt, error, self.progress.since(attempt))
        except Exception:
            attempt.add(Step("failed", "A fault of authrecord itself; the log has it.", 0.0), FAILED)
            raise
        else:
            attempt.add(_received(token, self.progress.since(attempt)), DONE)

    def _failed(self, attempt: Attempt, error: AuthrecordError, at: float) -> None:
        attempt.add(failed_step(error, at), FAILED)


def callback_of(base: str, identity: str) -> str:
    """The callback URL of a record that names none: its own path, the same for each login (S44)."""
    return f"{base}/callback/{identity}"


def is_ours(callback_url: str, base: str) -> bool:
    """True when this server receives what is sent to that callback URL."""
    return callback_url == f"{base}/callback" or callback_url.startswith(f"{base}/callback/")


def failed_step(error: AuthrecordError, at: float) -> Step:
    """An error as a step: our words, the provider's own as a quotation, the one thing to change."""
    quote = getattr(error, "description", "")
    return Step("failed", error.message, at, quote=quote if isinstance(quote, str) else "", advice=error.hint)


def token_words(token: Token) -> str:
    """What a token is, for a person: type, life, scopes."""
    words = [token.token_type]
    words.append("life unknown" if token.life is None else duration(token.life))
    if token.scope:
        words.append(safe_words(token.scope))
    return " · ".join(words)


def who(token: Token) -> str:
    """Whom an ID token names; empty without one. Unverified: it came from the provider itself, and decides nothing."""
    if token.id_token is None:
        return ""
    claims = claims_of(token.id_token)
    return next((safe_words(claims[key]) for key in _NAMES if isinstance(claims.get(key), str)), "")


def _received(token: Token, at: float) -> Step:
    person = who(token)
    details = [f"Logged in as {person}"] if person else []
    details += ["It renews itself."] if token.refresh_token is not None else []
    details += list(token.remarks)
    return Step("ok", f"Token received · {token_words(token)}", at, details=tuple(details))


def _oauth2(record: Record) -> OAuth2:
    if isinstance(record.auth, OAuth2) and record.auth.grant in {AUTHORIZATION_CODE, IMPLICIT}:
        return record.auth
    raise RecordFault(f"record {record.name!r} needs nobody to log in.", field="auth.grant")


def _provider(record: Record) -> str:
    if not isinstance(record.auth, OAuth2):
        return "the provider"
    url = record.auth.token_exchange.url or record.auth.issuer or record.auth.authorization.url
    return urlsplit(url).netloc or "the provider"


def _session(caller: Caller) -> str:
    """Whose logins they are: a person's session, or an API token."""
    return caller.session or caller.identity


def _login(state: str) -> str:
    return sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
