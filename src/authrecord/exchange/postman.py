"""Postman collections, v2.0 and v2.1 (JSON).

Source: schemas/draft-07 of postmanlabs/schemas, and real exports. The schema's enumeration of types is narrower than
what Postman writes, so nothing is validated against it. A missing or null `auth` inherits, `noauth` is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .authentication import (
    AUTHORIZATION,
    CREDENTIALS,
    EXCHANGE,
    REFRESH,
    USAGE,
    Auth,
    auth_of,
    basic_or_raw,
    bearer,
    keyed,
    parameter,
)
from .draft import Imported, refused
from .gathering import Gathering, Request, looked_at
from .headers import header_lines
from .values import Variables, group_at, list_at, shown, text_at

_GRANTS: Final = {
    "authorization_code": "authorization_code",
    "authorization_code_with_pkce": "authorization_code",
    "implicit": "implicit",
    "password_credentials": "password",
    "client_credentials": "client_credentials",
}
_PLACES: Final = {"request_url": "query", "request_body": "body", "request_header": "header"}
_LEGACY: Final = {
    "callBackUrl": "redirect_uri",
    "redirectUri": "redirect_uri",
    "clientAuth": "client_authentication",
    "grantType": "grant_type",
}
_STEPS: Final = 64
"""Folders in one another; the parser's own limit is lower."""


def is_collection(data: object) -> bool:
    """True for a Postman collection, also as Postman's API wraps it."""
    data = _unwrapped(data)
    schema = text_at(data, "info", "schema")
    return "schema.getpostman.com" in schema or (bool(group_at(data, "info")) and "item" in group_at(data))


def read(data: object) -> Imported:
    """The drafts in a collection. Raises `DocumentFault` when there is nothing to take."""
    data = _unwrapped(data)
    if "/v1" in text_at(data, "info", "schema"):
        raise refused("is a Postman collection of version 1.", "Export it as Collection v2.1.")
    pairs = (
        (text_at(one, "key") or text_at(one, "id"), text_at(one, "value"))
        for one in list_at(data, "variable")
    )
    variables = Variables(pairs)
    gathering = Gathering("Postman collection", lambda block: _read(block, variables))
    own = group_at(data)
    name = text_at(data, "info", "name")
    for one in looked_at(_requests(own, name, ("", None), 0), gathering.notes):
        gathering.take(one, variables)
    if _is_auth(own.get("auth")) and own["auth"]["type"] != "noauth":
        gathering.use(name, own["auth"], [])  # also where no request is left that would use it
    return gathering.finished()


def _unwrapped(data: object) -> object:
    inner = group_at(data, "collection")
    return inner if "info" in inner else data


def _is_auth(block: object) -> bool:
    """True for a block that says something: an absent, null or empty one inherits."""
    return isinstance(block, Mapping) and bool(block.get("type"))


def _requests(
    owner: Mapping[str, Any], owner_name: str, inherited: tuple[str, Any], depth: int
) -> Iterator[Request]:
    """Every request below `owner`."""
    if _is_auth(owner.get("auth")):
        inherited = (owner_name, owner["auth"])
    for item in list_at(owner, "item"):
        name = text_at(item, "name")
        if list_at(item, "item") and depth < _STEPS:
            yield from _requests(group_at(item), name, inherited, depth + 1)
            continue
        request = item.get("request") if isinstance(item, Mapping) else None
        if not request:
            continue
        own = group_at(request).get("auth")
        auth_name, block = (name, own) if _is_auth(own) else inherited
        none = block is None or block["type"] == "noauth"
        headers = header_lines(request, names="key")
        yield Request(name, _address(request), auth_name, None if none else block, headers)


def _address(request: object) -> str:
    if isinstance(request, str):
        return request
    address = request.get("url") if isinstance(request, Mapping) else None
    return address if isinstance(address, str) else text_at(address, "raw")


def _read(block: Mapping[str, Any], variables: Variables) -> Auth | str:
    kind = block["type"]
    if not isinstance(kind, str):
        return "An `auth` without a type was left out."
    values = {name: variables.filled(value) for name, value in _attributes(block.get(kind)).items()}
    if kind == "bearer":
        return bearer(values.get("token"))
    if kind == "apikey":
        place = values.get("in")
        return keyed(
            values.get("key"), values.get("value"), place if place in ("header", "query") else "header"
        )
    if kind == "oauth2":
        return _oauth2(values)
    return f"Requests that authenticate by {shown(kind)} were left out: no kind of record does that."


def _attributes(block: object) -> dict[str, Any]:
    """Names and values of a block: a list of v2.1, or the plain object of v2.0."""
    if isinstance(block, Mapping):
        pairs = list(block.items())
    else:
        items = [one for one in block if isinstance(one, Mapping)] if isinstance(block, list) else []
        pairs = [(one.get("key"), one.get("value")) for one in items]
    found: dict[str, Any] = {}
    for name, value in pairs:
        if isinstance(name, str):
            found[_LEGACY.get(name, name)] = value
    return found


def _oauth2(values: Mapping[str, Any]) -> Auth | str:
    prefix = values.get("headerPrefix")
    grant = values.get("grant_type")
    if not grant and not values.get("accessTokenUrl") and not values.get("authUrl"):
        notes = [
            "It holds an OAuth 2.0 token and no way to get a new one: a Bearer Token, which will run out."
        ]
        return bearer(values.get("accessToken"), prefix, notes=notes)
    ours = _GRANTS.get(str(grant or "authorization_code"))
    if ours is None:
        return "An OAuth 2.0 block of a grant that authrecord does not have was left out."
    notes = []
    if values.get("accessToken"):
        notes.append("The access token in the text was left out: the record gets its own.")
    if values.get("state"):
        notes.append("State: left out. A new one is made for each login.")
    if values.get("challengeAlgorithm") == "plain":
        notes.append("PKCE: S256 is used instead of plain.")
    in_body = values.get("client_authentication") == "body"
    basic = basic_or_raw(values.get("clientId"), values.get("clientSecret"))
    audience = [parameter("audience", one, "") for one in _listed(values.get("audience"))]
    for_login = ours in ("authorization_code", "implicit")
    mapped: dict[str, object] = {
        AUTHORIZATION + "url": values.get("authUrl"),
        AUTHORIZATION + "callback_url": values.get("redirect_uri"),
        AUTHORIZATION + "use_browser": values.get("useBrowser"),
        AUTHORIZATION + "scope": values.get("scope"),
        AUTHORIZATION + "parameters": _parameters(values.get("authRequestParams")) + audience,
        CREDENTIALS + "client_id": values.get("clientId"),
        CREDENTIALS + "client_secret": values.get("clientSecret"),
        CREDENTIALS + "username": values.get("username"),
        CREDENTIALS + "password": values.get("password"),
        EXCHANGE + "url": values.get("accessTokenUrl"),
        EXCHANGE + "scope": values.get("scope"),
        EXCHANGE + "client_authentication": "body" if in_body else basic,
        EXCHANGE + "parameters": _parameters(values.get("tokenRequestParams"))
        + ([] if for_login else audience),
        USAGE + "add_to": "query" if values.get("addTokenTo") == "queryParams" else "header",
        USAGE + "header_prefix": prefix,
        REFRESH + "url": _unless_same(values.get("refreshTokenUrl"), values.get("accessTokenUrl")),
        REFRESH + "parameters": _parameters(values.get("refreshRequestParams")),
        "auth.resource": _listed(values.get("resource")),
    }
    return auth_of("oauth2", mapped, grant=ours, notes=notes)


def _unless_same(url: object, usual: object) -> object:
    return None if url == usual else url


def _listed(value: object) -> list[str]:
    """`audience` and `resource` of older exports: an object of values."""
    values = value.values() if isinstance(value, Mapping) else [value]
    return [one for one in values if isinstance(one, str) and one]


def _parameters(items: object) -> list[dict[str, object]]:
    """The enabled lines of a list; without `send_as` a line goes to the usual place."""
    return [
        parameter(one.get("key"), one.get("value"), _PLACES.get(str(one.get("send_as"))))
        for one in (items if isinstance(items, list) else ())
        if isinstance(one, Mapping) and one.get("enabled") is not False and one.get("disabled") is not True
    ]
