"""OpenAPI and Swagger: schemes, flows, hosts and scopes; never a fetched reference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from authrecord.core.errors import DocumentFault
from tests.exchange.samples import imported, only

TOKEN = "https://id.example.com/token"


def described(schemes: dict[str, Any], **more: Any) -> str:
    """An OpenAPI 3.1 document."""
    return json.dumps(
        {
            "openapi": "3.1.1",
            "info": {"title": "Orders API", "version": "1"},
            "servers": [{"url": "https://api.example.com/v1"}],
            "components": {"securitySchemes": schemes},
            **more,
        }
    )


@pytest.mark.parametrize("place", ["header", "query", "cookie"])
def test_an_api_key_keeps_its_place(place: str) -> None:
    draft = only(described({"key": {"type": "apiKey", "in": place, "name": "X-Key"}}))
    assert draft.data["auth"].get("send_in", "header") == place
    assert draft.data["auth"]["key"] == "X-Key"
    assert draft.data["allowed_origins"] == ["https://api.example.com"]
    assert (draft.name, draft.missing) == ("Orders-API-key", ("auth.value",))


def test_a_bearer_scheme_asks_for_the_token() -> None:
    draft = only(described({"jwt": {"type": "http", "scheme": "Bearer"}}))
    assert (draft.data["auth"], draft.missing) == ({"type": "bearer"}, ("auth.token",))


def test_each_flow_is_a_record_and_only_the_asked_scopes_are_taken() -> None:
    flows = {
        "clientCredentials": {"tokenUrl": TOKEN, "refreshUrl": TOKEN, "scopes": {"read": "", "admin": ""}},
        "authorizationCode": {
            "authorizationUrl": "https://id.example.com/authorize",
            "tokenUrl": TOKEN,
            "refreshUrl": "https://id.example.com/refresh",
            "scopes": {"read": "", "admin": ""},
        },
        "deviceAuthorization": {"deviceAuthorizationUrl": TOKEN, "tokenUrl": TOKEN, "scopes": {}},
    }
    found = imported(
        described(
            {"o": {"type": "oauth2", "flows": flows}}, paths={"/me": {"get": {"security": [{"o": ["read"]}]}}}
        )
    )
    machine, person = found.drafts
    assert machine.data["auth"]["token_exchange"] == {"url": TOKEN, "scope": "read"}
    assert person.data["auth"]["authorization"]["scope"] == "read"
    assert person.data["auth"]["token_refresh"] == {"url": "https://id.example.com/refresh"}
    assert "redirect_uri" not in repr(person.data)
    assert any("deviceAuthorization" in note for note in found.notes)


def test_scopes_that_no_operation_asks_for_are_offered_and_not_taken() -> None:
    flows = {"clientCredentials": {"tokenUrl": TOKEN, "scopes": {"read": "", "admin": ""}}}
    draft = only(described({"o": {"type": "oauth2", "flows": flows}}))
    assert "scope" not in draft.data["auth"]["token_exchange"]
    assert any("read, admin" in note for note in draft.notes)


def test_openid_connect_becomes_an_issuer() -> None:
    draft = only(
        described(
            {
                "o": {
                    "type": "openIdConnect",
                    "openIdConnectUrl": "https://id.example.com/.well-known/openid-configuration",
                }
            }
        )
    )
    assert draft.data["auth"]["issuer"] == "https://id.example.com"
    assert draft.data["auth"]["grant"] == "authorization_code"
    assert draft.missing == ("auth.credentials.client_id",)


@pytest.mark.parametrize(
    ("flow", "grant"),
    [
        ("application", "client_credentials"),
        ("accessCode", "authorization_code"),
        ("implicit", "implicit"),
        ("password", "password"),
    ],
)
def test_swagger_2_has_other_words_for_the_same(flow: str, grant: str) -> None:
    scheme = {
        "type": "oauth2",
        "flow": flow,
        "tokenUrl": TOKEN,
        "authorizationUrl": TOKEN,
        "scopes": {"a": ""},
    }
    draft = only(
        json.dumps(
            {
                "swagger": "2.0",
                "host": "api.example.com",
                "basePath": "/v1",
                "schemes": ["https"],
                "security": [{"o": ["a"]}],
                "securityDefinitions": {"o": scheme},
            }
        )
    )
    assert draft.data["auth"]["grant"] == grant
    assert draft.data["allowed_origins"] == ["https://api.example.com"]


def test_hosts_are_those_of_the_operations_that_use_the_scheme() -> None:
    draft = only(
        described(
            {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
            security=[],
            paths={
                "/a": {"get": {"security": [{"key": []}], "servers": [{"url": "https://a.example.com"}]}},
                "/b": {
                    "servers": [{"url": "https://{r}.example.com", "variables": {"r": {"default": "eu"}}}],
                    "get": {"security": [{"key": []}]},
                },
                "/c": {"get": {"security": []}, "servers": [{"url": "https://c.example.com"}]},
            },
        )
    )
    assert draft.data["allowed_origins"] == ["https://a.example.com", "https://eu.example.com"]


def test_an_operation_without_security_takes_the_documents_and_an_empty_one_none() -> None:
    paths = {
        "/a": {"get": {"servers": [{"url": "https://a.example.com"}]}},
        "/b": {"get": {"security": [], "servers": [{"url": "https://b.example.com"}]}},
    }
    scheme = {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}
    draft = only(described(scheme, security=[{"key": []}], paths=paths))
    assert draft.data["allowed_origins"] == ["https://api.example.com", "https://a.example.com"]


def test_a_token_url_that_is_relative_belongs_to_the_server() -> None:
    flows = {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}}
    draft = only(described({"o": {"type": "oauth2", "flows": flows}}))
    assert draft.data["auth"]["token_exchange"]["url"] == "https://api.example.com/oauth/token"


def test_M12_a_reference_to_elsewhere_is_not_fetched() -> None:
    schemes = {
        "outside": {"$ref": "https://evil.example/schemes.yaml#/key"},
        "file": {"$ref": "../secrets.yaml"},
        "round": {"$ref": "#/components/securitySchemes/round"},
        "inside": {"$ref": "#/components/x-schemes/a~1b"},
    }
    text = json.loads(described(schemes))
    text["components"]["x-schemes"] = {"a/b": {"type": "apiKey", "in": "header", "name": "X-Key"}}
    found = imported(json.dumps(text))
    assert [draft.name for draft in found.drafts] == ["Orders-API-inside"]
    assert sum("nothing is fetched" in note for note in found.notes) == 3


def test_schemes_that_go_together_and_schemes_that_no_record_does_are_told() -> None:
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "login": {"type": "http", "scheme": "basic"},
        "cert": {"type": "mutualTLS"},
    }
    found = imported(described(schemes, security=[{"key": [], "cert": []}]))
    assert any("several at once (key, cert)" in note for note in found.notes)
    assert any("login (basic) was left out" in note for note in found.notes)
    assert any("cert (mutualTLS) was left out" in note for note in found.notes)


def test_a_description_without_hosts_or_with_open_ones_leaves_them_to_the_person() -> None:
    for servers in ([], [{"url": "/v1"}], [{"url": "https://{tenant}.example.com"}]):
        draft = only(described({"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}, servers=servers))
        assert draft.missing == ("allowed_origins", "auth.value")


def test_a_description_without_schemes_is_refused_in_words() -> None:
    with pytest.raises(DocumentFault, match="no security schemes"):
        imported(described({}))
