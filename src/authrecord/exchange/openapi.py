"""OpenAPI 3.0, 3.1, 3.2 and Swagger 2.0: one draft for each security scheme, and for each of its flows.

Source: OAI/OpenAPI-Specification, versions 2.0 to 3.2.0. Such a document never holds a client id or a secret, so every
draft has something to fill in. Scopes are those that operations ask for, not all that a flow offers. A reference is
followed inside the document only: nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..documents.rules import SCOPE_PATTERN
from .authentication import AUTHORIZATION, EXCHANGE, REFRESH, Auth, auth_of, keyed
from .draft import MOST_DRAFTS, Draft, Imported, name_from, once, refused, with_unique_names
from .gathering import MOST_ORIGINS, drafted, looked_at
from .values import group_at, list_at, origin_text, shown, text_at

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_FLOWS: Final = {
    "authorizationCode": "authorization_code",
    "accessCode": "authorization_code",
    "implicit": "implicit",
    "password": "password",
    "clientCredentials": "client_credentials",
    "application": "client_credentials",
}
_ENDINGS: Final = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
_MOST_REFERENCES: Final = 8
_MOST_SCOPES_SHOWN: Final = 20
_MISSING: Final = "An API's description does not hold what your client was given."


def is_description(data: object) -> bool:
    """True for an OpenAPI or Swagger document."""
    group = group_at(data)
    return "openapi" in group or "swagger" in group


@dataclass(slots=True)
class _Need:
    """What operations ask of one scheme."""

    scopes: dict[str, None] = field(default_factory=dict)
    origins: dict[str, None] = field(default_factory=dict)


def read(data: object) -> Imported:
    """The drafts in an API description. Raises `DocumentFault` when it has no scheme that a record can be."""
    document = group_at(data)
    schemes = group_at(document, "components", "securitySchemes") or group_at(document, "securityDefinitions")
    notes: list[str] = []
    servers = _servers(document)
    needs = _needs(document, servers, notes)
    drafts: list[Draft] = []
    title = name_from(text_at(document, "info", "title"), "api")
    for name, given in schemes.items():
        scheme = _resolved(document, given)
        if scheme is None:
            notes.append(
                f"The scheme {shown(name)} is defined outside of the document, and nothing is fetched."
            )
            continue
        need = needs.get(name) or _Need(origins=dict.fromkeys(origin for origin in servers if origin))
        for ending, found in _read(name, scheme, need, servers):
            if isinstance(found, str):
                notes.append(found)
            elif len(drafts) < MOST_DRAFTS:
                drafts.append(drafted(name_from(f"{title}-{name_from(name)}{ending}"), found, need.origins))
    if not drafts:
        hint = " ".join(once(notes)[:5]) or "It has no security schemes."
        raise refused("holds nothing that a record can be made of.", hint)
    if not any(servers):
        notes.append("The document names no server with a whole address: fill in the allowed hosts.")
    return Imported("OpenAPI document", with_unique_names(drafts), once(notes))


def _resolved(document: Mapping[str, Any], given: object) -> Mapping[str, Any] | None:
    """What `given` is, or what its `$ref` inside the document leads to."""
    for _ in range(_MOST_REFERENCES):
        scheme = group_at(given)
        reference = scheme.get("$ref")
        if not isinstance(reference, str):
            return scheme
        if not reference.startswith("#/"):
            return None
        given = document
        for step in reference[2:].split("/"):
            given = group_at(given).get(step.replace("~1", "/").replace("~0", "~"))
    return None


def _servers(owner: Mapping[str, Any]) -> list[str]:
    """The origins of a document, path or operation; an empty text for one that is relative or open."""
    if "swagger" in owner:
        host = text_at(owner, "host")
        schemes = [one for one in list_at(owner, "schemes") if one in ("https", "http")] or ["https"]
        return [origin_text(f"{scheme}://{host}") for scheme in schemes] if host else []
    return [origin_text(_filled(server)) for server in list_at(owner, "servers")][:MOST_ORIGINS]


def _filled(server: object) -> str:
    """The address of a server with the defaults of its variables."""
    address = text_at(server, "url")[:2_000]
    for name, variable in list(group_at(server, "variables").items())[:20]:
        address = address.replace(f"{{{name}}}", text_at(variable, "default"))
    return address


def _needs(document: Mapping[str, Any], servers: list[str], notes: list[str]) -> dict[str, _Need]:
    """What the operations ask of each scheme: scopes, and the origins it is sent to."""
    needs: dict[str, _Need] = {}
    for security, origins in looked_at(_operations(document, servers), notes):
        for requirement in security:
            together = group_at(requirement)
            if len(together) > 1:
                names = ", ".join(shown(name) for name in together)
                notes.append(f"Some operations want several at once ({names}); a record carries one of them.")
            for name, scopes in together.items():
                need = needs.setdefault(name, _Need())
                need.origins.update((origin, None) for origin in origins if origin)
                asked = scopes if isinstance(scopes, list) else []
                need.scopes.update((scope, None) for scope in asked if isinstance(scope, str))
    return needs


def _operations(document: Mapping[str, Any], servers: list[str]) -> Iterator[tuple[list[Any], list[str]]]:
    """The security and the origins of each operation. A missing `security` is the document's; an empty one is none."""
    yield list_at(document, "security"), servers
    for path in group_at(document, "paths").values():
        at_path = _servers(group_at(path)) or servers
        for method in _METHODS:
            operation = group_at(path, method)
            if operation:
                security = operation.get("security", document.get("security"))
                yield security if isinstance(security, list) else [], _servers(operation) or at_path


def _read(
    name: object, scheme: Mapping[str, Any], need: _Need, servers: list[str]
) -> Iterator[tuple[str, Auth | str]]:
    kind = text_at(scheme, "type")
    if kind == "apiKey":
        yield "", keyed(scheme.get("name"), None, scheme.get("in"), notes=[_MISSING])
    elif kind == "http" and text_at(scheme, "scheme").lower() == "bearer":
        yield "", auth_of("bearer", {}, notes=[_MISSING])
    elif kind == "openIdConnect":
        issuer = text_at(scheme, "openIdConnectUrl")
        for ending in _ENDINGS:
            issuer = issuer.removesuffix(ending)
        values = {"auth.issuer": issuer, AUTHORIZATION + "scope": " ".join(need.scopes) or "openid"}
        yield "", auth_of("oauth2", values, grant="authorization_code", notes=[_MISSING])
    elif kind == "oauth2":
        flows = group_at(scheme, "flows") or {text_at(scheme, "flow"): scheme}
        for flow, settings in flows.items():
            ending = f"-{name_from(flow)}" if len(flows) > 1 else ""
            yield ending, _flow(name, flow, group_at(settings), need, servers)
    else:
        what = text_at(scheme, "scheme") if kind == "http" else kind
        yield "", f"The scheme {shown(name)} ({shown(what)}) was left out: no kind of record does that."


def _flow(
    name: object, flow: object, settings: Mapping[str, Any], need: _Need, servers: list[str]
) -> Auth | str:
    grant = _FLOWS.get(str(flow))
    if grant is None:
        return f"The flow {shown(flow)} of {shown(name)} was left out: no grant of a record does that."
    notes = [_MISSING]
    offered = [one for one in group_at(settings, "scopes") if re.fullmatch(SCOPE_PATTERN, one)]
    wanted = [one for one in need.scopes if not offered or one in offered]
    if not wanted and offered:
        few = ", ".join(one[:60] for one in offered[:_MOST_SCOPES_SHOWN])
        notes.append(f"Scope: left empty, since no operation names one. The provider offers: {few}.")
    token, refresh = (_absolute(settings.get(key), servers) for key in ("tokenUrl", "refreshUrl"))
    values: dict[str, object] = {
        AUTHORIZATION + "url": _absolute(settings.get("authorizationUrl"), servers),
        AUTHORIZATION + "scope": " ".join(wanted),
        EXCHANGE + "url": token,
        EXCHANGE + "scope": " ".join(wanted),
        REFRESH + "url": None if refresh == token else refresh,
    }
    return auth_of("oauth2", values, grant=grant, notes=notes)


def _absolute(url: object, servers: list[str]) -> object:
    """An address that begins with `/` belongs to the first server (OpenAPI 3.1 §4.8.30)."""
    first = next((origin for origin in servers if origin), "")
    if isinstance(url, str) and url.startswith("/") and not url.startswith("//") and first:
        return first + url
    return url
