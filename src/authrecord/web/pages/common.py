"""What every page needs: who asks, and how an answer is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl

from litestar import Request, Response
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ...core.errors import AuthrecordError
from ...keeper.ports import StoredRecord
from ..drawing import drawn
from ..editing import Forbidden
from ..rights import Caller, Who, scopes_of, unreachable
from ..site import Site

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

HtmlRequest: TypeAlias = Request[Any, Any, State]

OPEN: Final = "open"
"""The scope of a route that needs no session."""

SIGNED_IN: Final = "signed in"
"""The scope of a route that any session opens."""

THEMES: Final = frozenset({"light", "dark"})


class NotSignedIn(Exception):
    """There is no live session: the browser is sent to the sign-in page."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of a submitted form, in order."""

    pairs: tuple[tuple[str, str], ...]

    def one(self, name: str) -> str:
        """The first value of that name, or the empty text."""
        return next((value for key, value in self.pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every value of that name."""
        return [value for key, value in self.pairs if key == name]


Typed: TypeAlias = SkipValidation[NamedDependency[Pairs]]
"""The submitted form, as an argument of a handler."""


def cookie_name(site: Site) -> str:
    """The session's cookie. Browsers keep cookies apart by host and not by port: on loopback its name has the port."""
    return "__Host-authrecord" if site.address.secure else f"authrecord_{site.address.port}"


def session_text(request: HtmlRequest | ASGIConnection[Any, Any, Any, Any], site: Site) -> str:
    """What the session's cookie holds, or nothing."""
    return request.cookies.get(cookie_name(site), "")


def caller_of(request: HtmlRequest, site: Site) -> Caller:
    """The person of the request's session, who has the scope that the route wants.

    Raises `NotSignedIn` and `Forbidden`. Also for somebody who was removed meanwhile.
    """
    session = site.sessions.find(session_text(request, site))
    person = None if session is None else site.people.find(session.person, session.tenant)
    if session is None or person is None:
        raise NotSignedIn
    caller = Who(
        kind="person",
        identity=person.identity,
        name=person.name,
        tenant=person.tenant,
        scopes=scopes_of(person.role, may_reveal=person.may_reveal),
        session=session.identity,
        role=person.role,
        confirmed_at=session.confirmed_at,
    )
    scope = request.route_handler.opt["scope"]
    if scope not in {OPEN, SIGNED_IN} and not caller.may(scope):
        raise Forbidden(f"Your role, {caller.role}, does not open this.", scope=scope)
    return caller


async def typed_of(request: HtmlRequest) -> Typed:
    """The form of a request."""
    body = (await request.body()).decode("utf-8", "replace")
    return Pairs(tuple(parse_qsl(body, keep_blank_values=True, max_num_fields=2000)))


def page(
    request: HtmlRequest,
    site: Site,
    template: str,
    *,
    caller: Caller | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response[str]:
    """A drawn page. `caller`: who is signed in, for the bar."""
    theme = request.cookies.get("authrecord_theme", "")
    common = {
        "caller": caller,
        "tenants": ()
        if caller is None or caller.kind != "person"
        else site.people.tenants_of(caller.identity),
        "theme": theme if theme in THEMES else "",
        "room": "",
    }
    return html(drawn(template, common | values), status=status, headers=headers)


def html(text: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[str]:
    """Markup as an answer."""
    return Response(text, status_code=status, media_type="text/html", headers=dict(headers or {}))


def part(template: str, *, status: int = 200, **values: Any) -> Response[str]:
    """A piece of a page, which htmx puts in its place."""
    return html(drawn(template, values), status=status)


def moved(to: str) -> Response[str]:
    """The answer to a form: go there. `to` is always a path of ours."""
    return Response("", status_code=303, headers={"location": to}, media_type="text/plain")


def gone_to(to: str) -> Response[str]:
    """The same for a form that htmx has sent."""
    return Response("", status_code=204, headers={"HX-Redirect": to}, media_type="text/plain")


def wants_part(request: HtmlRequest) -> bool:
    """True when htmx asks, for a piece of a page."""
    return request.headers.get("hx-request", "") == "true"


def read_record(site: Site, caller: Caller, name: str) -> StoredRecord:
    """The record. One that the caller may not touch is as one that is not there (N1)."""
    if not caller.reaches(name):
        raise unreachable(name)
    return site.records(caller.tenant, caller.actor).read(name)


def said(error: AuthrecordError) -> str:
    """An error as one text."""
    return f"{error.message} {error.hint}".strip()
