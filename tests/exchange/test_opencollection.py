"""OpenCollection: a missing `auth` is none, `inherit` inherits, and the header that may be a prefix."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from authrecord.core.errors import DocumentFault
from tests.canary_watch import Canary
from tests.exchange.samples import imported, only, revealed


def http(name: str, url: str = "https://api.example/me", **more: Any) -> dict[str, Any]:
    """A request."""
    return {"info": {"name": name, "type": "http"}, "http": {"method": "GET", "url": url, **more}}


def collection(auth: Any, *items: dict[str, Any], **more: Any) -> str:
    """A collection."""
    data = {
        "opencollection": "1.0.0",
        "info": {"name": "demo"},
        "request": {"auth": auth},
        "items": list(items),
    }
    return yaml.safe_dump(data | more)


def oauth(canary: Canary, header: str = "Bearer", flow: str = "client_credentials") -> dict[str, Any]:
    """An OAuth 2.0 block."""
    return {
        "type": "oauth2",
        "flow": flow,
        "accessTokenUrl": "https://id.example/token",
        "authorizationUrl": "https://id.example/authorize",
        "credentials": {
            "clientId": "scanner",
            "clientSecret": canary("client secret"),
            "placement": "basic_auth_header",
        },
        "resourceOwner": {"username": "ann", "password": canary("password")},
        "scope": "read",
        "additionalParameters": {
            "accessTokenRequest": [{"name": "audience", "value": "o", "placement": "body"}]
        },
        "tokenConfig": {"placement": {"header": header}, "source": "id_token"},
    }


def test_only_who_says_inherit_inherits(canary: Canary) -> None:
    own = {"type": "bearer", "token": canary("token")}
    folder = {
        "info": {"name": "folder", "type": "folder"},
        "request": {"auth": {"type": "apikey", "key": "X-Key", "value": canary("key"), "placement": "query"}},
        "items": [http("d", "https://d.example/", auth="inherit")],
    }
    text = collection(
        own,
        http("a", "https://a.example/", auth="inherit"),
        http("b", "https://b.example/"),
        {
            "info": {"name": "plain", "type": "folder"},
            "items": [http("c", "https://c.example/", auth="inherit")],
        },
        folder,
    )
    outer, inner = imported(text).drafts
    assert outer.data["allowed_origins"] == ["https://a.example", "https://c.example"]
    assert (inner.name, inner.data["allowed_origins"]) == ("folder", ["https://d.example"])
    assert inner.data["auth"]["send_in"] == "query"


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("Bearer", {"token": "id_token"}),
        ("JWT", {"header_prefix": "JWT", "token": "id_token"}),
        ("X-Auth", {"header_name": "X-Auth", "token": "id_token"}),
    ],
)
def test_the_header_is_a_prefix_unless_it_looks_like_a_name(
    canary: Canary, header: str, usage: dict[str, str]
) -> None:
    draft = only(collection(oauth(canary, header), http("me", auth="inherit")))
    assert {
        key: value for key, value in draft.data["auth"]["token_usage"].items() if key != "add_to"
    } == usage
    assert draft.data["auth"]["token_exchange"]["parameters"][0]["key"] == "audience"


@pytest.mark.parametrize(
    ("flow", "grant"),
    [
        ("authorization_code", "authorization_code"),
        ("implicit", "implicit"),
        ("resource_owner_password_credentials", "password"),
        ("client_credentials", "client_credentials"),
    ],
)
def test_every_flow_is_a_grant(canary: Canary, flow: str, grant: str) -> None:
    draft = only(collection(oauth(canary, flow=flow), http("me", auth="inherit")))
    assert draft.data["auth"]["grant"] == grant
    assert draft.missing == ()
    if grant == "password":
        assert revealed(draft.data["auth"]["credentials"]["password"])


def test_one_request_that_inherits_from_outside_is_told(canary: Canary) -> None:
    with pytest.raises(DocumentFault, match="inherited from outside"):
        imported(yaml.safe_dump(http("me", auth="inherit")))
    assert only(yaml.safe_dump(http("me", auth={"type": "bearer", "token": canary("token")}))).name == "me"
