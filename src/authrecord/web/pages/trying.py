"""Try it, the pattern's tester, revealing a secret, and what happened to a record."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from markupsafe import Markup

from ...clients.egress import guarded_transport
from ...core.errors import AuthrecordError, RecordFault
from ...core.expiry import BODY_BYTES
from ...core.secret import Secret
from ...doctor.words import ago
from ...documents.plain import mapping_of
from ...record import OAuth2
from ...wiring import checked_origin
from ..journal import Act, Entry, Line, Wanted
from ..matching import Matches, matches_in
from ..rights import READ, REVEAL, USE, Caller
from ..site import Site
from ..states import DAY, WEEK, exact, segments_of, strip, ticks_of
from ..submitted import value_at
from ..threads import in_thread, in_thread_for_provider
from ..trying import TIMEOUT, failed_trial, tried
from .authorize import summary_of
from .common import HtmlRequest, Typed, part, read_record
from .signing_in import confirm

MOST_EVENTS: Final = 60
WORDS: Final = {
    "record.create": "Created",
    "record.update": "Changed",
    "record.delete": "Deleted",
    "record.export": "Exported",
    "secret.reveal": "Secret revealed",
    "token.renew": "Token renewed",
    "token.forget": "Tokens forgotten",
    "token.release": "Token handed out",
    "headers.release": "Headers handed out",
    "token.release_many": "Tokens handed out",
    "login.begin": "Login begun",
    "login.finish": "Logged in",
    "callback.reject": "Foreign answer refused",
    "request.try": "Request tried",
}
"""Actions of the audit log in words for people; others are shown as they are."""


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the audit log as it is drawn."""

    ago: str
    exact: str
    words: str
    outcome: str
    detail: str
    actor: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A strip of time."""

    words: str
    begin: str
    drawing: Markup


@post("/records/{name:str}/try", opt={"scope": USE})
@in_thread_for_provider
def try_request(site: Site, caller: Caller, typed: Typed, name: FromPath[str]) -> Response[str]:
    """One request to one of the record's own origins."""
    stored = read_record(site, caller, name)
    record = stored.record
    url = f"{typed.one('origin').rstrip('/')}/{typed.one('path').lstrip('/')}"
    method = typed.one("method") or "GET"
    try:
        origin = str(checked_origin(url))
        site.journal.release(caller, "request.try", record=stored.identity, name=name, origin=origin)
        trial = tried(
            record,
            lambda through: site.new_keeper(caller.tenant, through),
            guarded_transport(site.permits, timeout=TIMEOUT),
            method=method,
            url=url,
            body=typed.one("body"),
        )
    except AuthrecordError as error:
        return part("parts/trial.html", step=failed_trial(error))
    auth = record.auth
    curl = f"curl -X {method} -H 'Authorization: Bearer '\"$TOKEN\" {shlex.quote(url)}"
    has_pattern = isinstance(auth, OAuth2) and auth.grant != "implicit"
    return part("parts/trial.html", step=None, trial=trial, curl=curl, has_pattern=has_pattern)


@post("/records/{name:str}/pattern", opt={"scope": READ})
@in_thread
def test_pattern(site: Site, caller: Caller, typed: Typed, name: FromPath[str]) -> Response[str]:
    """What a pattern matches in an answer. Nothing is saved."""
    read_record(site, caller, name)
    answer, pattern = typed.one("answer")[:BODY_BYTES], typed.one("pattern")
    found: Matches | None = None
    error = ""
    if pattern and answer:
        try:
            found = matches_in(pattern, answer)
        except RecordFault as fault:
            error = f"{fault.message} {fault.hint}"
    return part(
        "parts/pattern.html",
        error=error,
        matches=None if found is None else found.matches,
        pieces=() if found is None else found.pieces,
    )


@post("/records/{name:str}/reveal", opt={"scope": REVEAL})
@in_thread
def reveal_secret(
    request: HtmlRequest, site: Site, caller: Caller, data: JSONBody[dict[str, Any]], name: FromPath[str]
) -> Response[Any]:
    """A stored secret, for who has the right and gives the password again. Written down before it is shown (M15)."""
    stored = read_record(site, caller, name)
    path = str(data.get("path", ""))
    address = request.client.host if request.client else ""
    try:
        confirm(site, caller, Secret(str(data.get("password", ""))), address=address)
    except AuthrecordError as error:
        site.journal.note(caller, Entry("secret.reveal", "refused", record=stored.identity, name=name))
        return _problem(403, "Not revealed", f"{error.message} {error.hint}".strip())
    found = value_at(mapping_of(stored.record), path)
    if not isinstance(found, Secret):
        return _problem(404, "Not revealed", "No secret is set there.")
    site.journal.note(caller, Entry("secret.reveal", "ok", record=stored.identity, name=name, detail=path))
    return Response({"value": found.reveal()}, status_code=200)


@get("/records/{name:str}/history", opt={"scope": READ})
@in_thread
def show_history(site: Site, caller: Caller, name: FromPath[str]) -> Response[str]:
    """The last day and week of a record: lives of tokens, renewals, failures; events; who used it."""
    stored = read_record(site, caller, name)
    now = site.clock.time()
    lines = site.journal.read(caller.tenant, Wanted(name=stored.identity, since=now - WEEK, last=2000))
    lines = lines or site.journal.read(caller.tenant, Wanted(name=name, since=now - WEEK, last=2000))
    lines.sort(
        key=lambda line: line.at
    )  # what waited while the database was away is told later than it happened
    ticks = ticks_of(Act(line.at, line.entry.action, line.entry.outcome) for line in lines)
    summary = summary_of(site, caller, stored)
    segments = segments_of(ticks, summary.live_until, now)
    strips = [
        Strip(
            words,
            begin,
            Markup(  # noqa: S704 - built of numbers and fixed words, see `states.strip`
                strip(segments, ticks, begin=now - span, end=now, width=1000, height=56, name=words)
            ),
        )
        for words, begin, span in (("Last 24 hours", "24 h ago", DAY), ("Last 7 days", "7 days ago", WEEK))
        if isinstance(stored.record.auth, OAuth2)
    ]
    events = [_event(line, now) for line in reversed(lines[-MOST_EVENTS:])]
    return part(
        "parts/history.html",
        strips=strips,
        events=events,
        users=_users(lines, now),
        used=ago(summary.used_at, now),
    )


def _event(line: Line, now: float) -> Event:
    entry = line.entry
    return Event(
        ago(line.at, now),
        exact(line.at),
        WORDS.get(entry.action, entry.action),
        entry.outcome,
        " ".join(part for part in (entry.origin, entry.detail) if part),
        line.actor,
    )


def _users(lines: list[Line], now: float) -> list[tuple[str, int, str]]:
    """Who got a credential of the record, how many rows tell of it, and when last."""
    counts: dict[str, int] = {}
    last: dict[str, float] = {}
    for line in lines:
        if line.entry.action.endswith((".release", ".try")):
            counts[line.actor] = counts.get(line.actor, 0) + 1
            last[line.actor] = line.at
    return [
        (actor, count, ago(last[actor], now))
        for actor, count in sorted(counts.items(), key=lambda one: -one[1])
    ]


def _problem(status: int, title: str, detail: str) -> Response[Any]:
    told = {"title": title, "status": status, "detail": detail}
    return Response(told, status_code=status, media_type="application/problem+json")


HANDLERS = (try_request, test_pattern, reveal_secret, show_history)
