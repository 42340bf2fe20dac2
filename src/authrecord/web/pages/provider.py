"""Coming in through an OpenID Connect provider: the way there, and its answer."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import Response, get
from litestar.datastructures import Cookie
from litestar.params import QueryParameter

from ...core.errors import AuthrecordError, LoginFailed, RecordFault
from ...grants.pending import LIFE_SECONDS
from ...stores.sql.tenants import DEFAULT
from ..journal import Entry
from ..provider_login import CALLBACK, ProviderLogin, unknown_person
from ..rights import Who
from ..site import Site
from ..threads import in_thread
from .common import OPEN, HtmlRequest, cookie_name, moved
from .signing_in import come_in, sign_in_page


@get("/sign-in/provider", opt={"scope": OPEN})
@in_thread
def go_to_provider(
    request: HtmlRequest, site: Site, again: Annotated[bool, QueryParameter()] = False
) -> Response[str]:
    """Send the browser to the provider. `again`: it must ask the person, whoever is logged in there."""
    provider = _provider(site)
    try:
        begun = provider.begin(again=again)
    except AuthrecordError as error:
        return sign_in_page(request, site, message=_opening(error), hint=error.hint, status=503)
    answer = moved(begun.address.reveal())
    answer.set_cookie(_cookie(site, begun.kept.reveal()))
    return answer


@get(CALLBACK, opt={"scope": OPEN})
@in_thread
def take_provider_answer(request: HtmlRequest, site: Site) -> Response[str]:
    """The provider sends the browser back here. Only the browser that began can end it, and only once."""
    provider = _provider(site)
    kept = request.cookies.get(_cookie_name(site), "")
    query = request.scope["query_string"].decode("latin-1")
    try:
        subject, again = provider.finish(kept, query)
        person = site.identities.person(subject.issuer, subject.subject, subject.email)
        tenants = () if person is None else site.people.tenants_of(person)
        if person is None or not tenants:
            raise unknown_person(subject)
    except AuthrecordError as error:
        return _refused(request, site, error)
    tenant = DEFAULT if DEFAULT in tenants else tenants[0]
    how = "provider, asked again" if again else "provider"
    answer = come_in(request, site, person, tenant, how=how, answer=moved("/records"), confirmed=again)
    answer.delete_cookie(_cookie_name(site))
    return answer


def _refused(request: HtmlRequest, site: Site, error: AuthrecordError) -> Response[str]:
    """Why nobody came in. An answer that is not this browser's is not told of: anybody can send such a one."""
    if not (isinstance(error, LoginFailed) and error.code == "not_ours"):
        somebody = Who("person", "", "somebody", DEFAULT, frozenset())
        site.journal.note(somebody, Entry("session.refuse", error.code))
    status = 403 if isinstance(error, LoginFailed) else 502
    answer = sign_in_page(request, site, message=_opening(error), hint=error.hint, status=status)
    answer.delete_cookie(_cookie_name(site))
    return answer


def _opening(error: AuthrecordError) -> str:
    return error.message[:1].upper() + error.message[1:]


def _provider(site: Site) -> ProviderLogin:
    if site.provider is None:
        raise RecordFault("there is nothing here.", code="not_found")
    return site.provider


def _cookie_name(site: Site) -> str:
    return f"{cookie_name(site)}_way"


def _cookie(site: Site, kept: str) -> Cookie:
    return Cookie(
        key=_cookie_name(site),
        value=kept,
        path="/",
        max_age=int(LIFE_SECONDS),
        httponly=True,
        samesite="lax",
        secure=site.address.secure,
    )


HANDLERS: Final = (go_to_provider, take_provider_answer)
