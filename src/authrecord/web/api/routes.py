"""The routes of the API put together, and its OpenAPI document."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from litestar import Request, Response, Router, get
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from ... import __version__
from ...core.errors import RecordFault
from ...documents import json_schema
from ...documents.rules import NAME_PATTERN
from ..guard import API
from ..rights import SCOPES, Caller
from ..site import Site
from . import admin, credentials, logins, records
from .reading import JsonRequest, caller_of

PREFIX: Final = f"{API}v1"
OPEN: Final = "open"

HANDLERS: Final = (*records.HANDLERS, *credentials.HANDLERS, *logins.HANDLERS, *admin.HANDLERS)


def api_router(site: Site) -> Router:
    """Every route of the API."""

    async def provide_caller(request: Request[Any, Any, State]) -> Caller:
        return await caller_of(request, site)

    return Router(
        path=PREFIX,
        route_handlers=[*HANDLERS, show_description],
        dependencies={"caller": Provide(provide_caller)},
        request_class=JsonRequest,
        security=[{"token": []}],
    )


def described() -> OpenAPIConfig:
    """How the OpenAPI document is made. It is served by `show_description`, and by nothing of litestar's."""
    scheme = SecurityScheme(
        type="http", scheme="bearer", description="An API token, `ar_…`, made in the page's settings."
    )
    return OpenAPIConfig(
        title="authrecord",
        version=__version__,
        description="Records, and the live credentials that they keep.",
        components=Components(security_schemes={"token": scheme}),
        use_handler_docstrings=True,
        openapi_router=Router(path="/schema", route_handlers=[], opt={"scope": OPEN}, guards=[_nobody]),
        render_plugins=(),
    )


def _nobody(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar's own pages of the description are not served: they load from elsewhere."""
    raise NotFoundException


@get("/openapi.json", opt={"scope": OPEN}, sync_to_thread=False, include_in_schema=False)
def show_description(request: Request[Any, Any, State], site: Site) -> Response[dict[str, Any]]:
    """The OpenAPI 3.1 document, unless the operator keeps it (N10)."""
    if not site.docs:
        raise RecordFault("there is nothing here.", code="not_found")
    return Response(description(request.app.openapi_schema.to_schema()))


def description(document: dict[str, Any]) -> dict[str, Any]:
    """The document as it is served: the API's own paths, and the records' own schema where a record is sent."""
    told = deepcopy(document)
    told["paths"] = {path: item for path, item in told["paths"].items() if path.startswith(PREFIX)}
    told.pop("servers", None)
    schemas = told["components"]["schemas"]
    for name, schema in json_schema()["$defs"].items():
        schemas[f"record_{name}"] = _moved(schema)
    record = schemas[
        "record_record"
    ]  # a store wants to know where the credential goes; a document may leave it out
    record["required"].append("allowed_origins")
    record["properties"]["allowed_origins"]["minItems"] = 1
    for name in ("HeadersWanted", "CheckWanted", "AnswerGiven", "TokenWanted", "TokenHeld"):
        schemas[name]["additionalProperties"] = False
    wanted = schemas["TokenWanted"]["properties"]  # litestar leaves out what stands at the items of a list
    wanted["scopes"]["items"]["enum"] = list(SCOPES)
    wanted["records"]["oneOf"][0]["items"]["pattern"] = f"^{NAME_PATTERN}$"
    for path, method in (("records", "post"), ("records/{name}", "put")):
        content = told["paths"][f"{PREFIX}/{path}"][method]["requestBody"]["content"]
        content["application/json"]["schema"] = {"$ref": "#/components/schemas/record_record"}
    return told


def _moved(schema: Any) -> Any:
    """A schema whose references lead to where its parts stand in the document."""
    if isinstance(schema, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/record_")
            if key == "$ref" and isinstance(value, str)
            else _moved(value)
            for key, value in schema.items()
        }
    return [_moved(item) for item in schema] if isinstance(schema, list) else schema
