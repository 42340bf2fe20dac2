"""The whole sign-in of one record, from the URL that is opened to the token that is live."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Final

from ..core.errors import AuthrecordError, LoginFailed, RecordFault
from ..core.fields import AUTHORIZATION_CODE, IMPLICIT, PASSWORD
from ..core.origin import origin_of
from ..core.secret import Secret
from ..core.token import Token
from ..grants.pending import Answer, PendingLogin
from ..keeper.keeper import Keeper
from ..record import OAuth2, Record
from .browser import open_browser
from .callback import Callback, loopback_callback
from .listener import CallbackListener, Judged, Verdict
from .paste import pasted_answer
from .progress import Progress, Report, Step, silent

TIMEOUT_SECONDS: Final = 300.0
_TICK_SECONDS: Final = 0.5

Paste = Callable[[str], str]
"""Shows an address to open, and gives what a person pastes. Blocks; an empty text means "no more"."""


def login(
    keeper: Keeper,
    record: Record,
    *,
    open_url: Callable[[str], bool] = open_browser,
    paste: Paste | None = None,
    ask_password: Callable[[], Secret] | None = None,
    use_browser: bool | None = None,
    report: Report = silent,
    timeout: float = TIMEOUT_SECONDS,
) -> Token:
    """Log in with `record`; the new token, which is stored and live for everybody.

    A grant that needs nobody obtains a fresh token. `use_browser` overrides the record's own setting. `paste`
    and `ask_password` are asked only where they are needed. `timeout` in seconds.

    Raises `LoginFailed` (codes `timeout`, `refused`, `mixed_up`, `expired`, `no_browser`), `RecordFault` (such
    as `port_taken`), and whatever obtaining a token raises.
    """
    auth = record.auth
    if not isinstance(auth, OAuth2):
        raise RecordFault(
            f"record {record.name!r} holds its credential; there is no login.", field="auth.type"
        )
    if auth.grant not in {AUTHORIZATION_CODE, IMPLICIT}:
        return _alone(keeper, record, auth, ask_password, report)
    browser = auth.authorization.use_browser if use_browser is None else use_browser
    callback = loopback_callback(auth.authorization.callback_url, lambda: secrets.token_urlsafe(32))
    return _Login(keeper, record, callback, report, timeout).run(open_url if browser else None, paste)


def _alone(
    keeper: Keeper, record: Record, auth: OAuth2, ask_password: Callable[[], Secret] | None, report: Report
) -> Token:
    report(Progress(Step.BEGUN, _host(auth.token_exchange.url)))
    given = None
    if auth.grant == PASSWORD and auth.credentials.password is None:
        if ask_password is None:
            raise LoginFailed(
                f"record {record.name!r} holds no password, and nobody was asked.", code="no_password"
            )
        given = ask_password()
    token = keeper.log_in_alone(record, given)
    report(Progress(Step.DONE))
    return token


class _Login:
    """One interactive login: a listener, a browser, a prompt, whichever of them there are."""

    def __init__(
        self, keeper: Keeper, record: Record, callback: Callback | None, report: Report, timeout: float
    ) -> None:
        self._keeper = keeper
        self._record = record
        self._callback = callback
        self._report = report
        self._timeout = timeout
        self._result: Future[Token] = Future()
        self._lock = threading.Lock()

    def run(self, open_url: Callable[[str], bool] | None, paste: Paste | None) -> Token:
        """Open, wait, end."""
        with ExitStack() as stack:
            listener = None
            if self._callback is not None and open_url is not None:
                implicit = isinstance(self._record.auth, OAuth2) and self._record.auth.grant == IMPLICIT
                listener = stack.enter_context(
                    CallbackListener(self._callback, self._record.name, implicit=implicit)
                )
            pending = self._keeper.begin_login(self._record, redirect_uri=self._redirect_uri(listener))
            stack.callback(self._keeper.abandon_login, pending)
            if listener is not None:
                listener.expect(lambda answer: self._judge(pending, answer), pending.authorization_url)
            self._report(Progress(Step.BEGUN, _host(pending.authorization_url.reveal())))
            address = pending.authorization_url.reveal() if listener is None else listener.start_url
            if open_url is not None and open_url(address):
                self._report(Progress(Step.OPENED, _host(pending.authorization_url.reveal())))
                if listener is None:
                    self._begin_paste(pending, paste, listener)
            else:
                self._begin_paste(pending, paste, listener)
            token = self._wait()
        self._report(Progress(Step.DONE))
        return token

    def _redirect_uri(self, listener: CallbackListener | None) -> str:
        """Where the answer is sent. Without a listener a port that was left open is any: nobody listens there."""
        if listener is not None:
            return listener.redirect_uri
        if self._callback is not None:
            return self._callback.redirect_uri(1)
        auth = self._record.auth
        return auth.authorization.callback_url if isinstance(auth, OAuth2) else ""

    def _judge(self, pending: PendingLogin, answer: Answer) -> Judged:
        """Try `answer`; the login ends with it unless it is not ours."""
        try:
            token = self._keeper.finish_login(self._record, pending, answer)
        except LoginFailed as failure:
            if failure.code == "not_ours":
                self._report(Progress(Step.REJECTED, failure.message))
                return Judged(Verdict.NOT_OURS)
            if failure.code == "already_used":
                return Judged(Verdict.ALREADY_USED)
            return self._ended(failure)
        except AuthrecordError as error:
            return self._ended(error)
        except BaseException as error:
            self._fail(error)
            raise
        self._report(Progress(Step.RECEIVED))
        with self._lock:
            if not self._result.done():
                self._result.set_result(token)
        return Judged(Verdict.ACCEPTED)

    def _ended(self, error: AuthrecordError) -> Judged:
        self._fail(error)
        return Judged(Verdict.FAILED, error.message, error.hint)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            if not self._result.done():
                self._result.set_exception(error)

    def _begin_paste(
        self, pending: PendingLogin, paste: Paste | None, listener: CallbackListener | None
    ) -> None:
        if paste is None:
            raise LoginFailed(
                "there is no browser to open on this machine.",
                hint="Log in with --no-browser and paste the redirected address, or log in on another machine.",
                code="no_browser",
            )
        self._report(Progress(Step.PASTE, _host(pending.authorization_url.reveal())))
        threading.Thread(
            target=self._paste, args=(pending, paste, listener), name="authrecord-paste", daemon=True
        ).start()

    def _paste(self, pending: PendingLogin, paste: Paste, listener: CallbackListener | None) -> None:
        """Take pasted addresses until one of them ends the login."""
        while not self._result.done():
            try:
                text = paste(pending.authorization_url.reveal())
                judged = self._judged_paste(pending, text)
            except BaseException as error:  # noqa: BLE001 - the end of the input, Ctrl-C: they end the login
                self._fail(error)
                return
            if listener is not None and judged.verdict in {Verdict.ACCEPTED, Verdict.FAILED}:
                listener.end(judged)

    def _judged_paste(self, pending: PendingLogin, text: str) -> Judged:
        """What a pasted text is worth; one that is no answer to this login is reported, and the next may be."""
        if not text.strip():
            return Judged(Verdict.NOT_OURS)
        try:
            return self._judge(pending, pasted_answer(text, pending))
        except LoginFailed as failure:
            self._report(Progress(Step.REJECTED, failure.message))
            return Judged(Verdict.NOT_OURS)

    def _wait(self) -> Token:
        """The token. Raises `LoginFailed` (`timeout`) when nobody answered in time (A19)."""
        deadline = time.monotonic() + self._timeout
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LoginFailed(
                    f"nobody finished the login within {self._timeout:.0f} seconds.",
                    hint="Start it again; --timeout gives more time.",
                    code="timeout",
                )
            self._report(Progress(Step.WAITING, seconds_left=left))
            try:
                return self._result.result(min(_TICK_SECONDS, left))
            except TimeoutError:
                if self._result.done():
                    raise


def _host(url: str) -> str:
    """The host of a URL, for a person; never its query."""
    try:
        return str(origin_of(url))
    except ValueError:
        return ""
