"""Hoppscotch collections: where the token URL stands, and who inherits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from authrecord.core.errors import DocumentFault
from tests.canary_watch import Canary
from tests.exchange.samples import imported, only, revealed

INHERIT = {"authType": "inherit", "authActive": True}


def request(name: str, auth: dict[str, Any], host: str = "api.example") -> dict[str, Any]:
    """A request."""
    return {"v": "17", "name": name, "endpoint": f"https://{host}/me", "auth": auth}


def collection(
    auth: dict[str, Any], requests: list[Any], folders: list[Any] | None = None, **more: Any
) -> str:
    """A collection."""
    return json.dumps(
        {"v": 12, "name": "demo", "auth": auth, "requests": requests, "folders": folders or [], **more}
    )


def oauth(canary: Canary, grant: str, **more: Any) -> dict[str, Any]:
    """An OAuth 2.0 block."""
    info = {
        "grantType": grant,
        "authEndpoint": "https://id.example/first",
        "tokenEndpoint": "https://id.example/second",
        "clientID": "scanner",
        "clientSecret": canary("client secret"),
        "username": "ann",
        "password": canary("password"),
        "scopes": "read",
        **more,
    }
    return {"authType": "oauth-2", "authActive": True, "addTo": "HEADERS", "grantTypeInfo": info}


@pytest.mark.parametrize(
    ("grant", "token_url"),
    [
        ("AUTHORIZATION_CODE", "https://id.example/second"),
        ("CLIENT_CREDENTIALS", "https://id.example/first"),
        ("PASSWORD", "https://id.example/first"),
    ],
)
def test_the_token_url_is_read_from_where_the_grant_has_it(
    canary: Canary, grant: str, token_url: str
) -> None:
    draft = only(collection(oauth(canary, grant), [request("me", INHERIT)]))
    auth = draft.data["auth"]
    assert auth["token_exchange"]["url"] == token_url
    assert draft.data["allowed_origins"] == ["https://api.example"]
    expected = "basic" if grant == "CLIENT_CREDENTIALS" else "body"
    assert auth["token_exchange"].get("client_authentication", "basic") == expected
    assert revealed(auth["credentials"]["client_secret"])
    assert draft.missing == ()


def test_an_implicit_grant_needs_no_token_url(canary: Canary) -> None:
    draft = only(collection(oauth(canary, "IMPLICIT"), []))
    assert draft.data["auth"]["authorization"]["url"] == "https://id.example/first"
    assert draft.missing == ("allowed_origins",)


def test_parameters_keep_their_place_and_inactive_ones_stay_behind(canary: Canary) -> None:
    lines = [
        {"id": 1, "key": "a", "value": "1", "active": True, "sendIn": "url"},
        {"id": 2, "key": "b", "value": "2", "active": False, "sendIn": "body"},
        {"id": 3, "key": "X-C", "value": "3", "active": True, "sendIn": "headers"},
    ]
    draft = only(collection(oauth(canary, "CLIENT_CREDENTIALS", tokenRequestParams=lines), []))
    assert [
        (line["key"], line["send_in"]) for line in draft.data["auth"]["token_exchange"]["parameters"]
    ] == [
        ("a", "query"),
        ("X-C", "header"),
    ]


def test_inherit_none_and_switched_off_are_told_apart(canary: Canary) -> None:
    key = {
        "authType": "api-key",
        "authActive": True,
        "key": "X-Key",
        "value": canary("key"),
        "addTo": "QUERY_PARAMS",
    }
    folder = {"name": "folder", "auth": key, "folders": [], "requests": [request("c", INHERIT, "c.example")]}
    requests = [
        request("a", INHERIT, "a.example"),
        request("b", {"authType": "none", "authActive": True}, "b.example"),
        request("d", {**key, "authActive": False}, "d.example"),
    ]
    token = {"authType": "bearer", "authActive": True, "token": "<<token>>"}
    variables = [{"key": "token", "currentValue": canary("token"), "secret": True}]
    outer, inner = imported(collection(token, requests, [folder], variables=variables)).drafts
    assert outer.data["allowed_origins"] == ["https://a.example"]
    assert revealed(outer.data["auth"]["token"])
    assert (inner.data["auth"]["send_in"], inner.data["allowed_origins"]) == ("query", ["https://c.example"])


def test_one_request_that_inherits_from_outside_is_told() -> None:
    with pytest.raises(DocumentFault, match="inherited from outside"):
        imported(json.dumps(request("me", INHERIT)))
