"""Insomnia collections: v5 (YAML), and the older v4 exports (JSON or YAML).

Source: packages/insomnia/src/common/import-v5-parser.ts of Kong/insomnia, and exports. A missing or empty
`authentication` inherits, `type: none` is none. `credentialsInBody` is text in v4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .authentication import (
    AUTHORIZATION,
    CREDENTIALS,
    EXCHANGE,
    USAGE,
    Auth,
    auth_of,
    basic_or_raw,
    bearer,
    keyed,
    parameter,
)
from .draft import Imported
from .gathering import Gathering, Request, looked_at
from .headers import header_lines
from .values import Variables, group_at, list_at, shown, text_at

_GRANTS: Final = ("authorization_code", "client_credentials", "password", "implicit")
_PLACES: Final = {"queryParams": "query", "cookie": "cookie"}
_NO_PREFIX: Final = "NO_PREFIX"
_STEPS: Final = 64


def is_collection(data: object) -> bool:
    """True for a v5 collection or a v4 export."""
    kind = text_at(data, "type")
    return kind.startswith("collection.insomnia.rest/") or text_at(data, "_type") == "export"


def read(data: object) -> Imported:
    """The drafts in a collection. Raises `DocumentFault` when there is nothing to take."""
    gathering = Gathering("Insomnia collection", _read)
    older = text_at(data, "_type") == "export"
    requests = _older(data) if older else _requests(list_at(data, "collection"), ("", None), 0)
    for one in looked_at(requests, gathering.notes):
        gathering.take(one, Variables())
    return gathering.finished()


def _own(item: Mapping[str, Any], inherited: tuple[str, Any]) -> tuple[str, Any]:
    """The `authentication` of a request or folder, or what stands above it."""
    block = group_at(item, "authentication")
    return (text_at(item, "name"), block) if text_at(block, "type") else inherited


def _request(item: Mapping[str, Any], owner: tuple[str, Any]) -> Request:
    name, block = owner
    none = block is None or block.get("type") == "none" or block.get("disabled") is True
    headers = header_lines(item, names="name")
    return Request(text_at(item, "name"), item.get("url"), name, None if none else block, headers)


def _requests(items: list[Any], inherited: tuple[str, Any], depth: int) -> Iterator[Request]:
    for one in items:
        item = group_at(one)
        owner = _own(item, inherited)
        if "children" in item and depth < _STEPS:
            yield from _requests(list_at(item, "children"), owner, depth + 1)
        elif "url" in item:
            yield _request(item, owner)


def _older(data: object) -> Iterator[Request]:
    """The requests of a v4 export, which is a flat list of resources that name their parents."""
    resources = [group_at(one) for one in list_at(data, "resources")]
    folders = {text_at(one, "_id"): one for one in resources if text_at(one, "_type") == "request_group"}
    for one in resources:
        if text_at(one, "_type") != "request":
            continue
        owner, parent = _own(one, ("", None)), text_at(one, "parentId")
        for _ in range(_STEPS):
            if owner[1] is not None or parent not in folders:
                break
            owner, parent = _own(folders[parent], owner), text_at(folders[parent], "parentId")
        yield _request(one, owner)


def _read(block: Mapping[str, Any]) -> Auth | str:
    kind = text_at(block, "type")
    if kind == "bearer":
        return bearer(block.get("token"), _prefix(block.get("prefix") or None))
    if kind == "apikey":
        return keyed(block.get("key"), block.get("value"), _PLACES.get(text_at(block, "addTo"), "header"))
    if kind == "oauth2":
        return _oauth2(block)
    return f"Requests that authenticate by {shown(kind)} were left out: no kind of record does that."


def _prefix(prefix: object) -> object:
    """The literal `NO_PREFIX` is how Insomnia writes an empty one; an empty one is the usual one."""
    return "" if prefix == _NO_PREFIX else prefix


def _oauth2(block: Mapping[str, Any]) -> Auth | str:
    grant = text_at(block, "grantType")
    if grant not in _GRANTS:
        return "An OAuth 2.0 block of a grant that authrecord does not have was left out."
    notes = []
    if block.get("state"):
        notes.append("State: left out. A new one is made for each login.")
    if block.get("accessToken") or block.get("refreshToken"):
        notes.append("The tokens in the text were left out: the record gets its own.")
    if block.get("pkceMethod") == "plain":
        notes.append("PKCE: S256 is used instead of plain.")
    in_body = str(block.get("credentialsInBody")).lower() == "true"
    audience = [parameter("audience", block["audience"], "")] if block.get("audience") else []
    origin = [parameter("Origin", block["origin"], "header")] if block.get("origin") else []
    for_login = grant in ("authorization_code", "implicit")
    resource = text_at(block, "resource")
    by_header = basic_or_raw(block.get("clientId"), block.get("clientSecret"))
    mapped: dict[str, object] = {
        AUTHORIZATION + "url": block.get("authorizationUrl"),
        AUTHORIZATION + "callback_url": block.get("redirectUrl"),
        AUTHORIZATION + "scope": block.get("scope"),
        AUTHORIZATION + "parameters": audience,
        CREDENTIALS + "client_id": block.get("clientId"),
        CREDENTIALS + "client_secret": block.get("clientSecret"),
        CREDENTIALS + "username": block.get("username"),
        CREDENTIALS + "password": block.get("password"),
        EXCHANGE + "url": block.get("accessTokenUrl"),
        EXCHANGE + "scope": block.get("scope"),
        EXCHANGE + "client_authentication": "body" if in_body else by_header,
        EXCHANGE + "parameters": ([] if for_login else audience) + origin,
        USAGE + "header_prefix": _prefix(block.get("tokenPrefix") or None),
        "auth.resource": [resource] if resource else None,
    }
    return auth_of("oauth2", mapped, grant=grant, notes=notes)
