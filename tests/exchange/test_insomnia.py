"""Insomnia collections, v5 and v4."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from authrecord.core.errors import DocumentFault
from tests.canary_watch import Canary
from tests.exchange.samples import imported, only, revealed


def v5(*items: dict[str, Any]) -> str:
    """A v5 collection."""
    return yaml.safe_dump({"type": "collection.insomnia.rest/5.0", "name": "demo", "collection": list(items)})


def request(name: str, host: str = "api.example", **authentication: Any) -> dict[str, Any]:
    """A request."""
    return {"name": name, "url": f"https://{host}/me", "method": "GET", "authentication": authentication}


def oauth(canary: Canary, **more: Any) -> dict[str, Any]:
    """An OAuth 2.0 block."""
    return {
        "type": "oauth2",
        "grantType": "client_credentials",
        "accessTokenUrl": "https://id.example/token",
        "clientId": "scanner",
        "clientSecret": canary("client secret"),
        **more,
    }


def test_an_empty_block_inherits_and_type_none_is_none(canary: Canary) -> None:
    folder = {
        "name": "folder",
        "authentication": {"type": "bearer", "token": canary("token"), "prefix": "NO_PREFIX"},
        "children": [
            request("a", "a.example"),
            request("b", "b.example", type="none"),
            {"name": "inner", "children": [request("c", "c.example")]},
            request("d", "d.example", type="apikey", disabled=True, key="X", value=canary("key")),
        ],
    }
    draft = only(v5(folder, request("e", "e.example")))
    assert (draft.name, draft.data["allowed_origins"]) == (
        "folder",
        ["https://a.example", "https://c.example"],
    )
    assert draft.data["auth"]["prefix"] == ""


@pytest.mark.parametrize(
    ("in_body", "ours"),
    [(False, "basic"), (True, "body"), ("false", "basic"), ("true", "body"), (None, "basic")],
)
def test_credentials_go_where_the_collection_says_in_both_spellings(
    canary: Canary, in_body: Any, ours: str
) -> None:
    block = oauth(
        canary,
        credentialsInBody=in_body,
        audience="orders",
        resource="https://api.example/",
        origin="https://o",
    )
    draft = only(v5(request("me", **block)))
    exchange = draft.data["auth"]["token_exchange"]
    assert exchange.get("client_authentication", "basic") == ours
    assert [line["key"] for line in exchange["parameters"]] == ["audience", "Origin"]
    assert draft.data["auth"]["resource"] == ["https://api.example/"]


def test_a_v4_export_inherits_through_its_parents(canary: Canary) -> None:
    secret = canary("key")
    folder = {"_type": "request_group", "_id": "fld", "parentId": "wrk", "name": "folder"}
    top = {"_type": "request_group", "_id": "top", "parentId": "wrk", "name": "top"}
    block = {"type": "apikey", "key": "sid_key", "value": secret, "addTo": "cookie"}
    resources = [
        {
            "_type": "request",
            "parentId": "fld",
            "name": "me",
            "url": "https://api.example/",
            "authentication": {},
        },
        {**folder, "parentId": "top"},
        {**top, "authentication": block},
    ]
    draft = only(json.dumps({"_type": "export", "__export_format": 4, "resources": resources}))
    assert (draft.name, draft.data["auth"]["send_in"]) == ("top", "cookie")
    assert revealed(draft.data["auth"]["value"]) == secret


def test_folders_that_are_each_others_parents_end(canary: Canary) -> None:
    resources = [
        {"_type": "request", "parentId": "a", "name": "me", "url": "https://api.example/"},
        {"_type": "request_group", "_id": "a", "parentId": "b"},
        {"_type": "request_group", "_id": "b", "parentId": "a"},
    ]
    with pytest.raises(DocumentFault, match="nothing that a record"):
        imported(json.dumps({"_type": "export", "resources": resources}))
