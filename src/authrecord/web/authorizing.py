"""Getting a token at the press of a button: in the browser, with the callback on this server, or alone.

A login that waits for its answer is bound to the session that began it: an answer with a valid `state` in another
browser is refused (attack rows A6, A10). Who keeps the pending login and takes an answer once is `keeper.logins`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
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
from ..grants.pending import Answer, PendingLogin, not_ours, one
from ..grants.words import safe_words
from ..keeper.keeper import Keeper
from ..keeper.ports import StoredRecord
from ..record import OAuth2, Record
from ..signin.paste import pasted_answer
from .progress import DONE, FAILED, RUNNING, WAITING, Attempt, Progress, Step
from .rights import Caller

MOST_WAITING: Final = 1_000
_NAMES: Final = ("email", "preferred_username", "name", "sub")
"""Claims of an ID token that name the user, in the order in which people know themselves by them."""


@dataclass(frozen=True)
class Waiting:
    """A login that waits for its answer: whose it is, and what it needs to end."""

    attempt: Attempt
    pending: PendingLogin
    record: Record
    identity: str
    keeper: Keeper
    caller: Caller
    base: str

    @property
    def implicit(self) -> bool:
        """True when the answer comes in the fragment."""
        return self.pending.grant == IMPLICIT


class Authorizing:
    """Begins logins, ends them with their answers, and gets tokens that need nobody."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.progress = Progress(now)
        self._lock = threading.Lock()
        self._waiting: OrderedDict[tuple[str, str], Waiting] = OrderedDict()

    def begin(
        self, caller: Caller, stored: StoredRecord, keeper: Keeper, *, base: str
    ) -> tuple[Attempt, Secret]:
        """A login that waits for a person, and the address to open. `base`: the origin of this server.

        Raises what `Keeper.begin_login` raises.
        """
        auth = _oauth2(stored.record)
        own = callback_of(base, stored.identity)
        redirect_uri = auth.authorization.callback_url or own
        attempt = self.progress.begin(caller.tenant, stored.record.name, caller.session or caller.identity)
        pending = keeper.begin_login(stored.record, redirect_uri=redirect_uri)
        attempt.paste = not is_ours(redirect_uri, base) or not auth.authorization.use_browser
        host = urlsplit(pending.authorization_url.reveal()).hostname or ""
        words = f"Opened {host}" if not attempt.paste else f"Address of {host} made"
        attempt.add(Step("ok", words, self.progress.since(attempt)), WAITING)
        waiting = Waiting(attempt, pending, stored.record, stored.identity, keeper, caller, base)
        with self._lock:
            self._waiting[_key(pending.state.reveal(), attempt.session)] = waiting
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)
        return attempt, pending.authorization_url

    def waiting_for(self, answer: Answer, session: str, address: str) -> Waiting:
        """The login that an answer at `address` (without its query) belongs to.

        Raises `LoginFailed`, which says nothing of other sessions' logins: the state is unknown, doubled, or was
        sent for another callback (rows A1 to A3, A6, A12).
        """
        state = one(answer, "state")
        if not state:
            raise not_ours("the answer has no state")
        with self._lock:
            waiting = self._waiting.get(_key(state, session))
        if waiting is None:
            raise not_ours("no login of this browser waits for that answer")
        expected, given = urlsplit(waiting.pending.redirect_uri), urlsplit(address)
        if (expected.scheme, expected.netloc, expected.path) != (given.scheme, given.netloc, given.path):
            raise not_ours("the answer came to the callback of another record")
        return waiting

    def any_of(self, session: str) -> bool:
        """True when a login of that session waits whose answer comes in the fragment."""
        with self._lock:
            return any(key[1] == session and one.implicit for key, one in self._waiting.items())

    def finish(self, waiting: Waiting, answer: Answer) -> Attempt:
        """The token that the answer brings. What went wrong stands in the attempt's steps.

        Raises `LoginFailed` for an answer that is not this login's, or was used already: then nothing has changed.
        """
        attempt = waiting.attempt
        at = self.progress.since(attempt)
        try:
            token = waiting.keeper.finish_login(waiting.record, waiting.pending, answer)
        except LoginFailed as failure:
            if failure.code in {"not_ours", "already_used"}:
                raise
            self._failed(attempt, failure, at)
        except AuthrecordError as error:
            attempt.add(Step("ok", "Code received", at))
            self._failed(attempt, error, self.progress.since(attempt))
        else:
            attempt.add(Step("ok", "Answer received" if waiting.implicit else "Code received", at))
            attempt.add(_received(token, self.progress.since(attempt)), DONE)
        self._forget(waiting)
        return attempt

    def paste(self, session: str, tenant: str, name: str, text: str) -> Attempt:
        """The same with an address that a person copied. Raises as `finish` and `pasted_answer`."""
        with self._lock:
            waiting = next(
                (
                    one
                    for one in reversed(self._waiting.values())
                    if (one.attempt.session, one.attempt.tenant, one.attempt.name) == (session, tenant, name)
                ),
                None,
            )
        if waiting is None:
            raise LoginFailed("no login is waiting.", hint="Start it again.", code="not_ours")
        return self.finish(waiting, pasted_answer(text, waiting.pending))

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

    def _forget(self, waiting: Waiting) -> None:
        with self._lock:
            self._waiting.pop(_key(waiting.pending.state.reveal(), waiting.attempt.session), None)


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


def _key(state: str, session: str) -> tuple[str, str]:
    return sha256(state.encode("utf-8", "surrogatepass")).hexdigest(), session
