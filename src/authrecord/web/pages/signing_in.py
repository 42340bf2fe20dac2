"""Coming in and going: the one-time link, the password, the session, another tenant."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import JSONBody

from ...core.errors import AuthrecordError, RecordFault, TryLater
from ...core.secret import Secret
from ...stores.sql.tenants import DEFAULT
from ..editing import Forbidden
from ..journal import Entry
from ..passwords import checked_login
from ..rights import Caller, Who
from ..site import Site
from ..threads import in_thread
from .common import OPEN, SIGNED_IN, HtmlRequest, Typed, cookie_name, moved, page, said, session_text

CONFIRMED_SECONDS = 300.0
"""How long a person who was asked again by the provider counts as asked."""

OWNER = "owner"
"""The name of the first person, who came in by the one-time link."""


@get("/sign-in", opt={"scope": OPEN})
@in_thread
def show_sign_in(request: HtmlRequest, site: Site) -> Response[str]:
    """The sign-in page."""
    return sign_in_page(request, site)


@get("/first", opt={"scope": OPEN})
@in_thread
def show_first(request: HtmlRequest, site: Site) -> Response[str]:
    """Where the one-time link leads: its secret is in the fragment, which only the page's script sees."""
    return sign_in_page(request, site, about="Open the whole link that the server printed.")


@post("/sign-in", opt={"scope": OPEN})
@in_thread
def sign_in(request: HtmlRequest, site: Site, typed: Typed) -> Response[str]:
    """A name and a password."""
    address = request.client.host if request.client else ""
    try:
        person = checked_login(
            site.people,
            site.passwords,
            site.attempts,
            name=typed.one("name"),
            password=Secret(typed.one("password")),
            address=address,
        )
    except TryLater as error:
        if error.code != "too_many_attempts":
            raise
        return sign_in_page(request, site, message=error.message, hint=error.hint, status=429)
    if person is None:
        return sign_in_page(request, site, message="Name or password is not right.", status=403)
    tenants = site.people.tenants_of(person)
    if not tenants:
        return sign_in_page(request, site, message="Name or password is not right.", status=403)
    tenant = DEFAULT if DEFAULT in tenants else tenants[0]
    return come_in(request, site, person, tenant, how="password", answer=moved("/records"))


@post("/sign-in/link", opt={"scope": OPEN})
@in_thread
def sign_in_by_link(request: HtmlRequest, site: Site, data: JSONBody[dict[str, Any]]) -> Response[Any]:
    """The one-time link's secret, from the page's script."""
    if not site.first_link.take(str(data.get("link", ""))):
        problem = {
            "title": "This link opens nothing",
            "status": 403,
            "detail": "Start the server again for a new one.",
        }
        return Response(problem, status_code=403, media_type="application/problem+json")
    known = site.people.password_of(OWNER)
    if known is None:
        person = site.people.add(OWNER, tenant=DEFAULT, role="administrator", may_reveal=True).identity
    else:
        person = known[0]
    answer: Response[Any] = Response({"to": "/welcome"}, status_code=200)
    return come_in(request, site, person, DEFAULT, how="link", answer=answer)


@get("/welcome", opt={"scope": SIGNED_IN})
@in_thread
def show_welcome(request: HtmlRequest, site: Site, caller: Caller) -> Response[str]:
    """To set or change one's password."""
    return _welcome(request, site, caller, message="")


@post("/welcome", opt={"scope": SIGNED_IN})
@in_thread
def set_password(request: HtmlRequest, site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """A new password. Every session of the person ends, and this browser gets a new one."""
    if _by_provider(site, caller):
        return _welcome(request, site, caller, message="You come in through the provider.", status=422)
    try:
        if _has_password(site, caller):
            confirm(
                site,
                caller,
                Secret(typed.one("current")),
                address=request.client.host if request.client else "",
            )
        kept = site.passwords.hashed(Secret(typed.one("password")))
    except AuthrecordError as error:
        return _welcome(request, site, caller, message=said(error), status=422)
    site.people.set_password(caller.identity, kept)
    return come_in(request, site, caller.identity, caller.tenant, how="password", answer=moved("/records"))


@post("/sign-out", opt={"scope": SIGNED_IN})
@in_thread
def sign_out(request: HtmlRequest, site: Site, caller: Caller) -> Response[str]:
    """The session ends here, not only in the browser (M19)."""
    site.sessions.end(session_text(request, site))
    site.journal.note(caller, Entry("session.end", "ok"))
    answer = moved("/sign-in")
    answer.delete_cookie(cookie_name(site))
    return answer


@post("/tenant", opt={"scope": SIGNED_IN})
@in_thread
def change_tenant(request: HtmlRequest, site: Site, caller: Caller, typed: Typed) -> Response[str]:
    """The same person, in another tenant of theirs."""
    wanted = typed.one("tenant")
    if wanted not in site.people.tenants_of(caller.identity):
        raise Forbidden("You do not belong to that tenant.", scope="")
    site.sessions.move(session_text(request, site), wanted)
    return moved("/records")


def confirm(site: Site, caller: Caller, password: Secret, *, address: str) -> None:
    """The person gives the password again. Raises `RecordFault` (code `wrong_password`), `TryLater`.

    Who comes in through the provider has just confirmed there who they are (code `confirm_again` where not). Who has
    no password yet came by the one-time link a moment ago, and is asked to set one first.
    """
    if _by_provider(site, caller):
        if site.clock.time() - caller.confirmed_at > CONFIRMED_SECONDS:
            raise RecordFault(
                "you have not confirmed at the provider who you are.",
                field="password",
                hint="Do so on the page behind your name, and come back within five minutes.",
                code="confirm_again",
            )
        return
    if not _has_password(site, caller):
        raise RecordFault(
            "you have no password yet.", field="password", hint="Set one first.", code="no_password"
        )
    person = checked_login(
        site.people, site.passwords, site.attempts, name=caller.name, password=password, address=address
    )
    if person != caller.identity:
        raise RecordFault("that is not your password.", field="password", code="wrong_password")


def _has_password(site: Site, caller: Caller) -> bool:
    person = site.people.find(caller.identity, caller.tenant)
    return person is not None and person.has_password


def _welcome(
    request: HtmlRequest, site: Site, caller: Caller, *, message: str, status: int = 200
) -> Response[str]:
    by_provider = _by_provider(site, caller)
    return page(
        request,
        site,
        "welcome.html",
        caller=caller,
        first=not _has_password(site, caller),
        provider=site.provider.host if by_provider and site.provider is not None else "",
        by_provider=by_provider,
        message=message,
        status=status,
    )


def _by_provider(site: Site, caller: Caller) -> bool:
    person = site.people.find(caller.identity, caller.tenant)
    return person is not None and person.by_provider and not person.has_password


def come_in(
    request: HtmlRequest,
    site: Site,
    person: str,
    tenant: str,
    *,
    how: str,
    answer: Response[Any],
    confirmed: bool = True,
) -> Response[Any]:
    """A new session, whatever the browser had before (M9). `confirmed`: see `Sessions.begin`."""
    site.sessions.end(session_text(request, site))
    text = site.sessions.begin(person, tenant, confirmed=confirmed)
    found = site.people.find(person, tenant)
    assert found is not None  # noqa: S101 - the caller has just seen the person in that tenant; for the type
    caller = Who("person", person, found.name, tenant, frozenset())
    site.journal.note(caller, Entry("session.begin", "ok", detail=f"by {how}"))
    answer.set_cookie(
        Cookie(
            key=cookie_name(site),
            value=text,
            path="/",
            httponly=True,
            samesite="lax",
            secure=site.address.secure,
        )
    )
    return answer


def sign_in_page(
    request: HtmlRequest, site: Site, *, message: str = "", hint: str = "", about: str = "", status: int = 200
) -> Response[str]:
    """The sign-in page: by password, through the provider, or by the link."""
    with_form = site.people.anybody_has_a_password() and not about
    provider = "" if site.provider is None or about else site.provider.host
    words = about or (
        ""
        if with_form or provider
        else "Open the link that the server printed when it was started. It works once."
    )
    return page(
        request,
        site,
        "sign_in.html",
        status=status,
        title="Sign in" if with_form or provider else "Come in by the link",
        message=message,
        hint=hint,
        about=words,
        with_form=with_form,
        provider=provider,
    )


HANDLERS = (
    show_sign_in,
    show_first,
    sign_in,
    sign_in_by_link,
    show_welcome,
    set_password,
    sign_out,
    change_tenant,
)
