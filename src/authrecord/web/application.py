"""The application: every route, who may use it, and what its errors look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import Litestar, MediaType, Request, Response, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..core.errors import AuthrecordError
from .drawing import assets, version
from .editing import Forbidden
from .guard import API, Guard
from .pages import authorize, gateways, listing, record, settings, signing_in, starting, trying
from .pages.common import OPEN, NotSignedIn, caller_of, moved, page, typed_of, wants_part
from .problems import problem_of, status_of, unexpected
from .site import Site

PAGES: Final = (
    *signing_in.HANDLERS,
    *listing.HANDLERS,
    *record.HANDLERS,
    *starting.HANDLERS,
    *authorize.HANDLERS,
    *trying.HANDLERS,
    *settings.HANDLERS,
    *gateways.HANDLERS,
)
"""Every handler of the pages."""


def make_application(site: Site) -> Guard:
    """The ASGI application, behind its guard."""
    from .api.routes import api_router, described

    def provide_site() -> Site:
        return site

    def provide_caller(request: Request[Any, Any, State]) -> Any:
        return caller_of(request, site)

    application = Litestar(
        route_handlers=[*PAGES, serve_asset, api_router(site)],
        dependencies={
            "site": Provide(provide_site, sync_to_thread=False),
            "caller": Provide(provide_caller, sync_to_thread=True),
            "typed": Provide(typed_of),
        },
        exception_handlers={
            NotSignedIn: _not_signed_in,
            AuthrecordError: lambda request, error: _known(site, request, error),
            HTTPException: lambda request, error: _http(site, request, error),
            Exception: lambda request, error: _unknown(site, request, error),
        },
        openapi_config=described(),
        request_max_body_size=None,  # the guard has cut it already
        logging_config=None,
        debug=False,
    )
    _check_scopes(application)
    return Guard(application, site.address)  # type: ignore[arg-type]  # litestar's own names for the same ASGI shapes


@get("/static/{digest:str}/{name:str}", opt={"scope": OPEN}, sync_to_thread=False, include_in_schema=False)
def serve_asset(
    request: Request[Any, Any, State], digest: FromPath[str], name: FromPath[str]
) -> Response[bytes]:
    """A file of `static/`. Its address changes with its content, so it may be kept for ever."""
    found = assets().get(name)
    if found is None or digest != version():
        return Response(b"", status_code=404, media_type=MediaType.TEXT)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"vary": "accept-encoding"} | ({"content-encoding": "gzip"} if packed else {})
    return Response(found.packed if packed else found.content, media_type=found.kind, headers=headers)


def _check_scopes(application: Litestar) -> None:
    """No route goes without a scope: who may use it is said where it is written, or the server does not start."""
    for route in application.routes:
        handlers: Sequence[HTTPRouteHandler] = getattr(route, "route_handlers", ())
        for handler in handlers:
            methods: set[str] = getattr(handler, "http_methods", set())
            if methods != {"OPTIONS"} and "scope" not in handler.opt:
                raise RuntimeError(f"route {route.path} does not say who may use it")


def _not_signed_in(request: Request[Any, Any, State], error: NotSignedIn) -> Response[Any]:
    if wants_part(request) or request.headers.get("content-type", "").startswith("application/json"):
        problem = {"title": "Not signed in", "status": 401, "detail": "Sign in again."}
        return Response(problem, status_code=401, media_type="application/problem+json")
    return moved("/sign-in")


def _known(site: Site, request: Request[Any, Any, State], error: AuthrecordError) -> Response[Any]:
    status, headers = status_of(error)
    if request.url.path.startswith(API) or wants_part(request):
        return Response(
            problem_of(error, status),
            status_code=status,
            media_type="application/problem+json",
            headers=headers,
        )
    hint = error.hint or ("Ask an administrator for the right." if isinstance(error, Forbidden) else "")
    return page(
        request,
        site,
        "message.html",
        status=status,
        headers=headers,
        title="Not found" if status == 404 else "That did not work",
        message=error.message[:1].upper() + error.message[1:],
        hint=hint,
        to="/records",
        to_words="To the records",
    )


def _http(site: Site, request: Request[Any, Any, State], error: HTTPException) -> Response[Any]:
    """What litestar itself refuses: no such route, no such method, a body of another shape. No value is repeated."""
    status = error.status_code
    headers: Mapping[str, str] = {
        name: value
        for name, value in (error.headers or {}).items()
        if name.lower() in {"allow", "retry-after"}
    }
    if request.url.path.startswith(API) or wants_part(request) or status == 405:
        problem = {"type": "about:blank", "title": _title(status), "status": status, "detail": _title(status)}
        return Response(
            problem, status_code=status, media_type="application/problem+json", headers=dict(headers)
        )
    return page(
        request,
        site,
        "message.html",
        status=status,
        title=_title(status),
        message="There is nothing at this address." if status == 404 else "The request was not understood.",
        hint="",
        to="/records",
        to_words="To the records",
    )


def _title(status: int) -> str:
    from http import HTTPStatus

    return HTTPStatus(status).phrase


def _unknown(site: Site, request: Request[Any, Any, State], error: Exception) -> Response[Any]:
    """A fault of ours: it is logged by its type and place, and the page says so without a word of it."""
    reference = unexpected(error)
    problem = {
        "type": "about:blank",
        "title": "A fault of authrecord itself",
        "status": 500,
        "detail": reference,
    }
    if request.url.path.startswith(API) or wants_part(request):
        return Response(problem, status_code=500, media_type="application/problem+json")
    return page(
        request,
        site,
        "message.html",
        status=500,
        title="A fault of authrecord itself",
        message="It is in the server's log.",
        hint=reference,
        to="/records",
        to_words="To the records",
    )
