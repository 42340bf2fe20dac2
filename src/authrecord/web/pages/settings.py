"""Settings: API tokens, people, keys, and the kill switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from ...core.errors import AuthrecordError, RecordFault
from ...core.secret import Secret
from ...doctor.words import ago
from ...stores.sql.api_tokens import PREFIX, ApiToken
from ...stores.sql.identities import EMAIL, SUBJECT, Invitation
from ..form_view import day
from ..issuing import issue
from ..journal import Entry
from ..keys_state import keys_of
from ..killing import kill_tokens
from ..rights import ADMIN, REVEAL, ROLE_WORDS, ROLES, SCOPES, Caller
from ..site import Site
from ..threads import in_thread
from .common import SIGNED_IN, HtmlRequest, Typed, page, said

KILL_WORD: Final = "stop"
MOST_NAMED: Final = 50


@dataclass(frozen=True, slots=True)
class ShownToken:
    """An API token as a line."""

    identity: str
    label: str
    scopes: str
    records: str
    state: str
    words: str
    used: str
    live: bool


@get("/settings", opt={"scope": SIGNED_IN})
@in_thread
def show_settings(request: HtmlRequest, site: Site, caller: Caller) -> Response[str]:
    """The page."""
    return _settings(request, site, caller)


@post("/settings/tokens", opt={"scope": ADMIN})
@in_thread
def make_token(request: HtmlRequest, site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """A new API token; its text is shown once, in this answer only."""
    days = typed.one("days")
    try:
        issued, text = issue(
            site,
            caller,
            label=typed.one("label"),
            scopes=typed.all("scope"),
            records=typed.one("records").split() or None,
            days=float(days) if days.isdecimal() else 0.0,
        )
    except AuthrecordError as error:
        return _settings(request, site, caller, message=said(error), tone="bad", status=422)
    return _settings(request, site, caller, message=f"Token {issued.label} is made.", secret=text.reveal())


@post("/settings/tokens/{identity:str}/revoke", opt={"scope": ADMIN})
@in_thread
def revoke_token(request: HtmlRequest, site: Site, caller: Caller, identity: FromPath[str]) -> Response[str]:
    """The token opens nothing any more."""
    if not site.api_tokens.revoke(identity, tenant=caller.tenant):
        raise RecordFault("there is no such token.", code="not_found")
    site.journal.note(caller, Entry("api_token.revoke", "ok", detail=f"{PREFIX}_{identity}"))
    return _settings(request, site, caller, message="The token is revoked.")


@post("/settings/people", opt={"scope": ADMIN})
@in_thread
def add_person(request: HtmlRequest, site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """A new person, with a first password."""
    try:
        role = _role(typed.one("role"))
        may_reveal = _reveal_of(caller, typed)
        kept = site.passwords.hashed(Secret(typed.one("password")))
        person = site.people.add(
            typed.one("name"), tenant=caller.tenant, role=role, may_reveal=may_reveal, password_hash=kept
        )
    except RecordFault as fault:
        return _settings(request, site, caller, message=said(fault), tone="bad", status=422)
    site.journal.note(caller, Entry("person.add", "ok", detail=f"{person.name} as {role}"))
    return _settings(request, site, caller, message=f"{person.name} may come in.")


@post("/settings/people/invite", opt={"scope": ADMIN})
@in_thread
def invite_person(request: HtmlRequest, site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """A new person, who comes in through the provider."""
    invited = typed.one("invited").strip()
    try:
        if site.provider is None:
            raise RecordFault("this server has no provider to come in through.", field="invited")
        role = _role(typed.one("role"))
        kind = EMAIL if "@" in invited else SUBJECT
        person = site.identities.invite(
            Invitation(site.provider.issuer, kind, invited),
            name=typed.one("name") or invited,
            tenant=caller.tenant,
            role=role,
            may_reveal=_reveal_of(caller, typed),
        )
    except RecordFault as fault:
        return _settings(request, site, caller, message=said(fault), tone="bad", status=422)
    site.journal.note(caller, Entry("person.invite", "ok", detail=f"{person.name} as {role}"))
    message = f"{person.name} may come in through {site.provider.host}."
    return _settings(request, site, caller, message=message)


@post("/settings/people/{identity:str}", opt={"scope": ADMIN})
@in_thread
def change_person(
    request: HtmlRequest, site: Site, caller: Caller, typed: Typed, identity: FromPath[str]
) -> Response[str]:
    """Another role."""
    _check_person(site, caller, identity)
    try:
        role = _role(typed.one("role"))
        site.people.change(identity, tenant=caller.tenant, role=role, may_reveal=_reveal_of(caller, typed))
    except RecordFault as fault:
        return _settings(request, site, caller, message=said(fault), tone="bad", status=422)
    site.journal.note(caller, Entry("person.change", "ok", detail=role))
    return _settings(request, site, caller, message="Saved.")


@post("/settings/people/{identity:str}/remove", opt={"scope": ADMIN})
@in_thread
def remove_person(request: HtmlRequest, site: Site, caller: Caller, identity: FromPath[str]) -> Response[str]:
    """Out of this tenant, sessions at once."""
    _check_person(site, caller, identity)
    try:
        site.people.remove(identity, tenant=caller.tenant)
    except RecordFault as fault:
        return _settings(request, site, caller, message=said(fault), tone="bad", status=422)
    site.journal.note(caller, Entry("person.remove", "ok", detail=identity))
    return _settings(request, site, caller, message="Removed.")


@post("/settings/kill", opt={"scope": ADMIN})
@in_thread
def kill(request: HtmlRequest, site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """Give back and forget every token of the tenant, or of one provider's records. Of the tenant: API tokens too."""
    if typed.one("word") != KILL_WORD:
        return _settings(
            request,
            site,
            caller,
            message=f"Nothing was done: write {KILL_WORD} to go on.",
            tone="warn",
            status=422,
        )
    provider = typed.one("provider").strip().lower()
    tokens = 0 if provider else site.api_tokens.revoke_all(caller.tenant)
    killed = kill_tokens(
        site.records(caller.tenant, caller.actor), site.keeper(caller.tenant), provider=provider
    )
    forgotten = sum(one.forgotten for one in killed)
    left = [one.name for one in killed if one.had_token and not one.revoked]
    closed = [one.name for one in killed if not one.forgotten]
    for name in left:
        site.journal.note(caller, Entry("token.revoke", "failed", name=name))
    told = f"{forgotten} records' tokens forgotten, {tokens} API tokens revoked"
    outcome = "partly" if left or closed else "ok"
    site.journal.note(caller, Entry("kill", outcome, detail=f"{provider or 'tenant'}: {told}"))
    message = f"{told}, {sum(one.revoked for one in killed)} taken back by their providers."
    if left:
        message += f" Not taken back, so that they live until their end: {_named(left)}."
    if closed:
        message += f" Could not be opened: {_named(closed)}."
    return _settings(request, site, caller, message=message, tone="warn" if left or closed else "good")


def _named(names: list[str]) -> str:
    """Some names, and how many more there are: each of them is in the audit log."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _settings(
    request: HtmlRequest,
    site: Site,
    caller: Caller,
    *,
    message: str = "",
    tone: str = "good",
    secret: str = "",
    status: int = 200,
) -> Response[str]:
    may_manage = caller.may(ADMIN)
    now = site.clock.time()
    values: dict[str, Any] = {"tokens": (), "people": (), "keys": ()}
    if may_manage:
        values = {
            "tokens": [_token(one, now) for one in site.api_tokens.listed(caller.tenant)],
            "people": site.people.listed(caller.tenant),
            "keys": keys_of(site, caller.tenant),
        }
    return page(
        request,
        site,
        "settings.html",
        caller=caller,
        room="settings",
        status=status,
        message=message,
        tone=tone,
        secret=secret,
        may_manage=may_manage,
        scopes=[(key, words) for key, words in SCOPES.items() if caller.may(key)],
        roles=tuple(ROLES),
        role_words=ROLE_WORDS,
        provider="" if site.provider is None else site.provider.host,
        **values,
    )


def _token(one: ApiToken, now: float) -> ShownToken:
    live = one.revoked_at is None and now < one.expires_at
    words = "Revoked" if one.revoked_at is not None else (f"Until {day(one.expires_at)}" if live else "Over")
    return ShownToken(
        identity=one.identity,
        label=one.label,
        scopes=", ".join(sorted(one.scopes)),
        records="all" if one.records is None else ", ".join(sorted(one.records)),
        state="live" if live else "idle",
        words=words,
        used="never used" if one.used_at is None else f"used {ago(one.used_at, now)}",
        live=live,
    )


def _role(text: str) -> str:
    if text not in ROLES:
        raise RecordFault("there is no such role.", field="role", hint=f"Choose of: {', '.join(ROLES)}.")
    return text


def _check_person(site: Site, caller: Caller, identity: str) -> None:
    """Somebody of another tenant is as somebody who is not there (N1)."""
    if site.people.find(identity, caller.tenant) is None:
        raise RecordFault("there is no such person.", code="not_found")


def _reveal_of(caller: Caller, typed: Typed) -> bool:
    """Whether the person may reveal; only who may do so gives that right."""
    wanted = bool(typed.one("may_reveal"))
    if wanted and not caller.may(REVEAL):
        raise RecordFault("you cannot give the right to reveal: you have it not.", field="may_reveal")
    return wanted


HANDLERS = (
    show_settings,
    make_token,
    revoke_token,
    add_person,
    invite_person,
    change_person,
    remove_person,
    kill,
)
