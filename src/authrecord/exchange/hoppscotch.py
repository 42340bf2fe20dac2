"""Hoppscotch collections and requests (JSON).

Source: packages/hoppscotch-data of hoppscotch/hoppscotch. Variables are `<<name>>`. For Client Credentials and Password
`authEndpoint` holds the token URL. `inherit` inherits, `none` is none, and `authActive: false` switches a block off.
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
    bearer,
    keyed,
    parameter,
)
from .draft import Imported
from .gathering import Gathering, Request, looked_at
from .headers import header_lines
from .values import Variables, group_at, list_at, shown, text_at

_GRANTS: Final = {
    "AUTHORIZATION_CODE": "authorization_code",
    "CLIENT_CREDENTIALS": "client_credentials",
    "PASSWORD": "password",
    "IMPLICIT": "implicit",
}
_PLACES: Final = {"headers": "header", "url": "query", "body": "body"}
_STEPS: Final = 64


def is_collection(data: object) -> bool:
    """True for a collection, a list of collections, or one request."""
    first = data[0] if isinstance(data, list) and data else data
    group = group_at(first)
    is_request = "endpoint" in group and "auth" in group
    return is_request or ("requests" in group and "folders" in group and "order" not in group)


def read(data: object) -> Imported:
    """The drafts in a collection. Raises `DocumentFault` when there is nothing to take."""
    owners = data if isinstance(data, list) else [data]
    gathering = Gathering("Hoppscotch collection", lambda pair: _read(pair[0], pair[1]))
    for owner in owners:
        variables = _variables(owner)
        for one in looked_at(_all(group_at(owner), variables), gathering.notes):
            if one.block is not None and one.block[0].get("authType") == "inherit":
                gathering.notes.append(
                    "Authentication that is inherited from outside of the text was left out."
                )
            else:
                gathering.take(one, variables)
    return gathering.finished()


def _variables(owner: object) -> Variables:
    lines = list_at(owner, "variables")
    return Variables(
        (text_at(one, "key"), text_at(one, "currentValue") or text_at(one, "initialValue")) for one in lines
    )


def _all(owner: Mapping[str, Any], variables: Variables) -> Iterator[Request]:
    """Every request of a collection, and the collection itself, for one that no request uses."""
    top = text_at(owner, "name"), group_at(owner, "auth") or None
    if "endpoint" in owner:
        yield _request(owner, top, variables)
        return
    if top[1] is not None and top[1].get("authType") != "inherit":
        yield _request({"name": top[0]}, top, variables)
    yield from _requests(owner, top, variables, 0)


def _requests(
    owner: Mapping[str, Any], inherited: tuple[str, Any], variables: Variables, depth: int
) -> Iterator[Request]:
    for one in list_at(owner, "requests"):
        request = group_at(one)
        yield _request(request, _own(request, inherited), variables)
    for one in list_at(owner, "folders") if depth < _STEPS else ():
        folder = group_at(one)
        yield from _requests(folder, _own(folder, inherited), variables, depth + 1)


def _request(item: Mapping[str, Any], owner: tuple[str, Any], variables: Variables) -> Request:
    name, block = owner
    none = block is None or block.get("authType") == "none" or block.get("authActive") is False
    headers = header_lines(item, names="key", on="active")
    pair = None if none else (block, variables)
    return Request(text_at(item, "name"), item.get("endpoint"), name, pair, headers)


def _own(item: Mapping[str, Any], inherited: tuple[str, Any]) -> tuple[str, Any]:
    block = group_at(item, "auth")
    inherits = not block or (block.get("authType") == "inherit" and inherited[1] is not None)
    return inherited if inherits else (text_at(item, "name"), block)


def _read(given: Mapping[str, Any], variables: Variables) -> Auth | str:
    block = {key: variables.filled(value) for key, value in given.items()}
    kind = text_at(block, "authType")
    if kind == "bearer":
        return bearer(block.get("token"))
    if kind == "api-key":
        place = "query" if text_at(block, "addTo") in ("QUERY_PARAMS", "Query params") else "header"
        return keyed(block.get("key"), block.get("value"), place)
    if kind == "oauth-2":
        info = {key: variables.filled(value) for key, value in group_at(given, "grantTypeInfo").items()}
        return _oauth2(info, text_at(block, "addTo"))
    return f"Requests that authenticate by {shown(kind)} were left out: no kind of record does that."


def _oauth2(info: Mapping[str, Any], add_to: str) -> Auth | str:
    grant = _GRANTS.get(text_at(info, "grantType"))
    if grant is None:
        return "An OAuth 2.0 block of a grant that authrecord does not have was left out."
    notes = []
    if info.get("token") or info.get("refreshToken"):
        notes.append("The tokens in the text were left out: the record gets its own.")
    if info.get("codeVerifierMethod") == "plain":
        notes.append("PKCE: S256 is used instead of plain.")
    for_login = grant in ("authorization_code", "implicit")
    by_header = grant == "client_credentials" and info.get("clientAuthentication") != "IN_BODY"
    mapped: dict[str, object] = {
        AUTHORIZATION + "url": info.get("authEndpoint") if for_login else None,
        AUTHORIZATION + "scope": info.get("scopes"),
        AUTHORIZATION + "parameters": _parameters(info.get("authRequestParams")),
        CREDENTIALS + "client_id": info.get("clientID"),
        CREDENTIALS + "client_secret": info.get("clientSecret"),
        CREDENTIALS + "username": info.get("username"),
        CREDENTIALS + "password": info.get("password"),
        EXCHANGE + "url": info.get("tokenEndpoint") if for_login else info.get("authEndpoint"),
        EXCHANGE + "scope": info.get("scopes"),
        EXCHANGE + "client_authentication": "basic" if by_header else "body",
        EXCHANGE + "parameters": _parameters(info.get("tokenRequestParams")),
        USAGE + "add_to": "query" if add_to in ("QUERY_PARAMS", "Query params") else "header",
        USAGE + "token": "id_token" if info.get("tokenType") == "id_token" else "access_token",
        REFRESH + "parameters": _parameters(info.get("refreshRequestParams")),
    }
    return auth_of("oauth2", mapped, grant=grant, notes=notes)


def _parameters(items: object) -> list[dict[str, object]]:
    """The active lines of a list."""
    return [
        parameter(one.get("key"), one.get("value"), _PLACES.get(str(one.get("sendIn"))))
        for one in (items if isinstance(items, list) else ())
        if isinstance(one, Mapping) and one.get("active") is not False
    ]
