"""Authorize: begin a login, take the provider's answer, get or renew a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from ...core.errors import AuthrecordError, LoginFailed
from ...core.fields import IMPLICIT
from ...core.origin import origin_of
from ...grants.pending import Answer, parse_answer
from ...keeper.ports import Filter, StoredRecord, Summary
from ...record import OAuth2
from ..authorizing import failed_step
from ..guard import FRAGMENT
from ..journal import Entry
from ..progress import FAILED, Attempt
from ..rights import USE, Caller, unreachable
from ..site import Site
from ..states import BY_PERSON, stated
from ..threads import in_thread, in_thread_for_provider
from .common import SIGNED_IN, HtmlRequest, Typed, gone_to, moved, page, part, read_record

LIVING: Final = frozenset({"live", "renewing"})


@dataclass(frozen=True, slots=True)
class Button:
    """A button of the panel: what it does, in the words of what will happen next."""

    action: str
    words: str


@post("/records/{name:str}/login", opt={"scope": USE})
@in_thread_for_provider
def begin_login(site: Site, caller: Caller, name: FromPath[str]) -> Response[str]:
    """Begin a login: the browser is sent to the provider, or the page says what to copy."""
    stored = read_record(site, caller, name)
    try:
        attempt, address = site.authorizing.begin(caller, stored, base=site.address.base)
    except AuthrecordError as error:
        return _panel(site, caller, stored, _failed(site, caller, name, error))
    site.journal.note(caller, Entry("login.begin", "ok", record=stored.identity, name=name))
    if attempt.paste:
        return _panel(site, caller, stored, attempt, address=address.reveal())
    return gone_to(address.reveal())


@post("/records/{name:str}/obtain", opt={"scope": USE})
@in_thread
def obtain(site: Site, caller: Caller, name: FromPath[str]) -> Response[str]:
    """A token by a grant that needs nobody."""
    stored = read_record(site, caller, name)
    attempt = site.authorizing.obtain(caller, stored.record, site.keeper(caller.tenant), renew=False)
    return _panel(site, caller, stored, attempt)


@post("/records/{name:str}/renew", opt={"scope": USE})
@in_thread
def renew(site: Site, caller: Caller, name: FromPath[str]) -> Response[str]:
    """Another token than the one that is live."""
    stored = read_record(site, caller, name)
    attempt = site.authorizing.obtain(caller, stored.record, site.keeper(caller.tenant), renew=True)
    return _panel(site, caller, stored, attempt)


@post("/records/{name:str}/forget", opt={"scope": USE})
@in_thread
def forget(site: Site, caller: Caller, name: FromPath[str]) -> Response[str]:
    """Drop the tokens."""
    stored = read_record(site, caller, name)
    site.keeper(caller.tenant).forget(stored.record)
    return _panel(site, caller, stored, None)


@get("/records/{name:str}/attempt", opt={"scope": USE})
@in_thread
def show_attempt(site: Site, caller: Caller, name: FromPath[str]) -> Response[str]:
    """The panel again, while something runs."""
    stored = read_record(site, caller, name)
    return _panel(site, caller, stored, site.authorizing.latest(caller, name))


@post("/records/{name:str}/paste", opt={"scope": USE})
@in_thread_for_provider
def paste(site: Site, caller: Caller, typed: Typed, name: FromPath[str]) -> Response[str]:
    """The redirected address, brought by hand."""
    stored = read_record(site, caller, name)
    try:
        attempt = site.authorizing.paste(caller, name, typed.one("address"))
    except LoginFailed as failure:
        latest = site.authorizing.latest(caller, name)
        return _panel(site, caller, stored, latest, paste_error=f"{failure.message} {failure.hint}")
    return _panel(site, caller, stored, attempt)


@get(["/callback", "/callback/{identity:str}"], opt={"scope": SIGNED_IN})
@in_thread_for_provider
def take_answer(request: HtmlRequest, site: Site, caller: Caller) -> Response[str]:
    """The provider sends the browser back here. What is not this session's answer changes nothing (A1 to A8)."""
    query = request.scope["query_string"].decode("latin-1")
    if not query and site.authorizing.any_of(caller):
        return page(request, site, "fragment.html")
    try:
        attempt = _finished(site, caller, parse_answer(query), request.url.path)
    except LoginFailed as failure:
        return _not_ours(request, site, caller, failure)
    return moved(f"/records/{attempt.name}#authorize")


@post(FRAGMENT, opt={"scope": SIGNED_IN})
@in_thread_for_provider
def take_fragment(site: Site, caller: Caller, data: JSONBody[dict[str, Any]]) -> Response[Any]:
    """The implicit grant's answer, from the script of the callback page (row B)."""
    fragment, path = data.get("fragment"), data.get("path")
    try:
        answer = parse_answer(fragment if isinstance(fragment, str) else "")
        attempt = _finished(site, caller, answer, path if isinstance(path, str) else "", in_fragment=True)
    except LoginFailed as failure:
        _note_rejected(site, caller, failure)
        problem = {
            "title": "This answer does not belong to a login",
            "status": _status(failure),
            "detail": f"{failure.message} {failure.hint}".strip(),
        }
        return Response(problem, status_code=_status(failure), media_type="application/problem+json")
    return Response({"to": f"/records/{attempt.name}#authorize"}, status_code=200)


def _finished(site: Site, caller: Caller, answer: Answer, path: str, *, in_fragment: bool = False) -> Attempt:
    waiting = site.authorizing.waiting_for(answer, caller, f"{site.address.base}{path}")
    if waiting.implicit != in_fragment:
        # A token in the query has been in logs and in the history already: it is not taken (B2).
        raise LoginFailed("the answer came in a way that this login does not use.", code="not_ours")
    attempt = site.authorizing.finish(waiting, answer)
    outcome = "failed" if attempt.state == FAILED else "ok"
    entry = Entry("login.finish", outcome, record=waiting.identity, name=attempt.name)
    site.journal.note(caller, entry)
    return attempt


def _not_ours(request: HtmlRequest, site: Site, caller: Caller, failure: LoginFailed) -> Response[str]:
    _note_rejected(site, caller, failure)
    used = failure.code == "already_used"
    return page(
        request,
        site,
        "message.html",
        caller=caller,
        status=_status(failure),
        title="This answer was used already"
        if used
        else "This answer does not belong to a login of this browser",
        message=failure.message[:1].upper() + failure.message[1:],
        hint="Nothing was taken from it. If you were logging in, go back to the record and press Authorize again.",
        to="/records",
        to_words="To the records",
    )


def _note_rejected(site: Site, caller: Caller, failure: LoginFailed) -> None:
    site.journal.often(
        caller, Entry("callback.reject", failure.code)
    )  # any page may send a browser here, often


def _status(failure: LoginFailed) -> int:
    return 409 if failure.code == "already_used" else 400


def _failed(site: Site, caller: Caller, name: str, error: AuthrecordError) -> Attempt:
    attempt = site.authorizing.progress.begin(caller.tenant, name, caller.session)
    attempt.add(failed_step(error, 0.0), FAILED)
    return attempt


def _panel(
    site: Site,
    caller: Caller,
    stored: StoredRecord,
    attempt: Attempt | None,
    *,
    address: str = "",
    paste_error: str = "",
) -> Response[str]:
    values = attempt_values(site, caller, stored, summary_of(site, caller, stored))
    values |= {"attempt": attempt, "address": address, "paste_error": paste_error}
    return part("parts/attempt.html", name=stored.record.name, **values)


def attempt_values(site: Site, caller: Caller, stored: StoredRecord, summary: Summary) -> dict[str, Any]:
    """What the authorize panel is drawn from."""
    told = stated(summary, site.clock.time())
    return {
        "stated": told,
        "buttons": _buttons(stored, told.state),
        "may_use": caller.may(USE),
        "attempt": site.authorizing.latest(caller, stored.record.name),
        "address": "",
        "paste_error": "",
    }


def summary_of(site: Site, caller: Caller, stored: StoredRecord) -> Summary:
    """The line of the list that is this record's."""
    name = stored.record.name
    found = site.records(caller.tenant, caller.actor).page(Filter(name=name), limit=1).lines
    if found and found[0].name == name:
        return found[0]
    raise unreachable(name)


def _buttons(stored: StoredRecord, state: str) -> tuple[Button, ...]:
    """What may be done next; the first is what one would do."""
    auth = stored.record.auth
    if not isinstance(auth, OAuth2):
        return ()
    forgetting = (Button("forget", "Forget the token"),)
    if auth.grant in BY_PERSON:
        log_in = Button("login", f"Log in at {_host(auth.authorization.url or auth.issuer)}")
        if state not in LIVING:
            return (log_in,)
        renewing = () if auth.grant == IMPLICIT else (Button("renew", "Renew now"),)
        return (*renewing, Button("login", "Log in again"), *forgetting)
    if state in LIVING:
        return (Button("renew", "Renew now"), *forgetting)
    return (Button("obtain", "Get a token"),)


def _host(url: str) -> str:
    try:
        return str(origin_of(url)).partition("://")[2]
    except ValueError:
        return "the provider"


HANDLERS = (begin_login, obtain, renew, forget, show_attempt, paste, take_answer, take_fragment)
