"""OpenCollection 1.0.0, the YAML that Bruno writes: a collection, or one request of it.

Source: opencollection.schema.json, and what Bruno makes of it. A missing `auth` is none here; only `auth: inherit`
inherits. Schema and Bruno disagree about `tokenConfig.placement.header`: it is read as a prefix unless it looks like
the name of a header.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .authentication import AUTHORIZATION, EXCHANGE, REFRESH, Auth, bearer, keyed, parameter
from .bruno import oauth2
from .draft import Imported
from .gathering import Gathering, Request, looked_at
from .headers import header_lines
from .values import Variables, group_at, list_at, shown, text_at

_FLOWS: Final = {"resource_owner_password_credentials": "password"}
_REQUESTS: Final = {
    "authorizationRequest": AUTHORIZATION,
    "accessTokenRequest": EXCHANGE,
    "refreshTokenRequest": REFRESH,
}
_HEADERS: Final = ("authorization", "proxy-authorization")


def is_collection(data: object) -> bool:
    """True for a collection or a single request."""
    group = group_at(data)
    return "opencollection" in group or (bool(text_at(data, "info", "type")) and bool(group_at(data, "http")))


def read(data: object) -> Imported:
    """The drafts in a collection. Raises `DocumentFault` when there is nothing to take."""
    listed = list_at(data, "request", "variables") + list_at(data, "variables")
    variables = Variables((text_at(one, "name"), text_at(one, "value")) for one in listed)
    gathering = Gathering("OpenCollection", lambda block: _read(block, variables))
    name = text_at(data, "info", "name")
    for one in looked_at(_requests(group_at(data), name), gathering.notes):
        if one.block == "inherit":
            gathering.notes.append("Authentication that is inherited from outside of the text was left out.")
        else:
            gathering.take(one, variables)
    default = group_at(data, "request").get("auth")
    if isinstance(default, Mapping) and default.get("type") != "none":
        gathering.use(name, default, [])  # also where no request is left that would use it
    return gathering.finished()


def _requests(data: Mapping[str, Any], name: str) -> Iterator[Request]:
    """Every request; its block is `inherit` where nobody above has one."""
    if group_at(data, "http"):
        yield _request(data, (name, "inherit"))
        return
    yield from _below(data, _default(data, name, ("", None)))


def _below(owner: Mapping[str, Any], inherited: tuple[str, Any]) -> Iterator[Request]:
    for item in list_at(owner, "items"):
        group = group_at(item)
        if list_at(group, "items"):
            yield from _below(group, _default(group, text_at(group, "info", "name"), inherited))
        elif group_at(group, "http"):
            yield _request(group, inherited)


def _default(owner: Mapping[str, Any], name: str, inherited: tuple[str, Any]) -> tuple[str, Any]:
    """What the requests of a folder inherit: in Bruno a folder that says nothing passes on what is above it."""
    block = group_at(owner, "request").get("auth")
    return (name, block) if isinstance(block, Mapping) else inherited


def _request(item: Mapping[str, Any], inherited: tuple[str, Any]) -> Request:
    http, name = group_at(item, "http"), text_at(item, "info", "name")
    own = http.get("auth")
    owner, block = inherited if own == "inherit" else (name, own)
    none = block != "inherit" and (not isinstance(block, Mapping) or block.get("type") == "none")
    return Request(name, http.get("url"), owner, None if none else block, header_lines(http, names="name"))


def _read(block: Mapping[str, Any], variables: Variables) -> Auth | str:
    kind = text_at(block, "type")
    if kind == "bearer":
        return bearer(variables.filled(block.get("token")))
    if kind == "apikey":
        place = "query" if text_at(block, "placement") in ("query", "queryparams") else "header"
        return keyed(variables.filled(block.get("key")), variables.filled(block.get("value")), place)
    if kind == "oauth2":
        return oauth2(_values(block, variables), _parameters(block, variables))
    return f"Requests that authenticate by {shown(kind)} were left out: no kind of record does that."


def _values(block: Mapping[str, Any], variables: Variables) -> dict[str, Any]:
    """The values of a block by the names that .bru files use."""
    credentials, owner = group_at(block, "credentials"), group_at(block, "resourceOwner")
    placement = group_at(block, "tokenConfig", "placement")
    header = placement.get("header")
    names_header = isinstance(header, str) and (header.lower() in _HEADERS or header.lower().startswith("x-"))
    flow = text_at(block, "flow")
    found = {
        "grant_type": _FLOWS.get(flow, flow),
        "authorization_url": block.get("authorizationUrl"),
        "access_token_url": block.get("accessTokenUrl"),
        "refresh_token_url": block.get("refreshTokenUrl"),
        "callback_url": block.get("callbackUrl"),
        "scope": block.get("scope"),
        "state": block.get("state"),
        "client_id": credentials.get("clientId"),
        "client_secret": credentials.get("clientSecret"),
        "credentials_placement": credentials.get("placement"),
        "username": owner.get("username") or credentials.get("username"),
        "password": owner.get("password") or credentials.get("password"),
        "token_placement": "url" if "query" in placement else "header",
        "token_header_prefix": None if names_header else header,
        "token_header_name": header if names_header else None,
        "token_query_key": placement.get("query"),
        "token_source": text_at(block, "tokenConfig", "source"),
    }
    return {key: variables.filled(value) for key, value in found.items()}


def _parameters(block: Mapping[str, Any], variables: Variables) -> dict[str, list[dict[str, object]]]:
    more = group_at(block, "additionalParameters")
    return {
        ours: [
            parameter(
                text_at(one, "name"), variables.filled(group_at(one).get("value")), text_at(one, "placement")
            )
            for one in list_at(more, theirs)
        ]
        for theirs, ours in _REQUESTS.items()
    }
