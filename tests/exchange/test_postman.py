"""Postman collections of both versions: inheritance, old spellings, every grant, and what they lose elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from authrecord.core.errors import DocumentFault
from tests.canary_watch import Canary
from tests.exchange.samples import imported, only, postman, postman_auth, request, revealed, told

URLS = {"authUrl": "https://id.example/authorize", "accessTokenUrl": "https://id.example/token"}


def oauth(canary: Canary, **more: Any) -> dict[str, Any]:
    """An OAuth 2.0 block."""
    values = {"clientId": "scanner", "clientSecret": canary("client secret"), "scope": "a b", **URLS, **more}
    return postman_auth("oauth2", **values)


def test_a_missing_auth_inherits_and_noauth_is_none(canary: Canary) -> None:
    inner = postman_auth("apikey", key="X-Key", value=canary("key"), **{"in": "query"})
    items = [
        request("a", "https://a.example/"),
        request("b", "https://b.example/", auth=None),
        request("c", "https://c.example/", auth={"type": "noauth"}),
        {
            "name": "folder",
            "auth": inner,
            "item": [request("d", {"raw": "https://d.example:8443/x", "host": ["d"]})],
        },
        {"name": "open", "auth": {"type": "noauth"}, "item": [request("e", "https://e.example/")]},
        {"name": "bare", "item": [{"name": "f", "request": "https://f.example/"}]},
    ]
    found = imported(postman(items, auth=postman_auth("bearer", token=canary("token"))))
    outer, folder = found.drafts
    assert (outer.name, outer.data["allowed_origins"]) == (
        "demo",
        ["https://a.example", "https://b.example", "https://f.example"],
    )
    assert (folder.name, folder.data["allowed_origins"]) == ("folder", ["https://d.example:8443"])
    assert folder.data["auth"]["send_in"] == "query"
    canary.scan(told(found), "what is told")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("authorization_code", "authorization_code"),
        ("authorization_code_with_pkce", "authorization_code"),
        ("implicit", "implicit"),
        ("password_credentials", "password"),
        ("client_credentials", "client_credentials"),
    ],
)
def test_every_grant_is_taken_with_its_own_fields_only(canary: Canary, theirs: str, ours: str) -> None:
    login = {"username": "ann", "password": canary("password")}
    block = oauth(canary, grant_type=theirs, **login, state="fixed", accessToken=canary("old token"))
    draft = only(postman([request("me")], auth=block))
    auth = draft.data["auth"]
    assert auth["grant"] == ours
    assert draft.missing == ()
    assert ("authorization" in auth) == (ours in ("authorization_code", "implicit"))
    assert ("username" in auth["credentials"]) == (ours == "password")
    assert any("State" in note for note in draft.notes)
    assert any("access token in the text was left out" in note for note in draft.notes)
    assert draft.record().auth.type == "oauth2"
    canary.scan("\n".join(draft.notes), "notes")


def test_what_other_converters_lose_is_kept(canary: Canary) -> None:
    lines = [
        {"key": "audience", "value": "orders", "enabled": True, "send_as": "request_body"},
        {"key": "X-Trace", "value": "1", "enabled": True, "send_as": "request_header"},
        {"key": "off", "value": "1", "enabled": False, "send_as": "request_url"},
        {"key": "plain", "value": "1"},
        {"key": "api_secret", "value": canary("parameter"), "send_as": "request_url"},
        {"key": "open", "value": "{{later}}"},
        {"key": "client_id", "value": "twice"},
    ]
    block = oauth(
        canary,
        grant_type="authorization_code",
        client_authentication="body",
        addTokenTo="queryParams",
        useBrowser=False,
        redirect_uri="http://127.0.0.1:8765/callback",
        refreshTokenUrl="https://id.example/refresh",
        challengeAlgorithm="plain",
        tokenRequestParams=lines,
        authRequestParams=[{"key": "prompt", "value": "login", "send_as": "request_url"}],
    )
    draft = only(postman([request("me")], auth=block))
    auth = draft.data["auth"]
    assert auth["token_exchange"]["client_authentication"] == "body"
    assert auth["token_usage"] == {"add_to": "query"}
    assert auth["authorization"]["use_browser"] is False
    assert auth["authorization"]["callback_url"] == "http://127.0.0.1:8765/callback"
    assert auth["authorization"]["parameters"] == [{"key": "prompt", "value": "login"}]
    assert auth["token_refresh"] == {"url": "https://id.example/refresh"}
    taken = {line["key"]: line.get("send_in", "body") for line in auth["token_exchange"]["parameters"]}
    assert taken == {"audience": "body", "X-Trace": "header", "plain": "body", "api_secret": "query"}
    secret = auth["token_exchange"]["parameters"][-1]
    assert secret["sensitive"] is True
    assert revealed(secret["value"])
    words = " ".join(draft.notes)
    assert "open has no value" in words
    assert "protocol owns" in words
    assert "S256 is used instead of plain" in words


def test_a_missing_place_is_the_header_and_an_empty_prefix_stays_empty(canary: Canary) -> None:
    draft = only(
        postman([request("me")], auth=oauth(canary, grant_type="client_credentials", headerPrefix=""))
    )
    assert draft.data["auth"]["token_usage"] == {"add_to": "header", "header_prefix": ""} or draft.data[
        "auth"
    ]["token_usage"] == {"header_prefix": ""}


def test_version_2_0_and_the_old_spellings_are_understood(canary: Canary) -> None:
    secret = canary("client secret")
    block = {
        "grantType": "client_credentials",
        "clientAuth": "body",
        "callBackUrl": "https://app.example/callback",
        "clientId": "scanner",
        "clientSecret": secret,
        **URLS,
        "audience": {"a1": "orders"},
        "resource": {"r1": "https://api.example/"},
    }
    info = {"name": "old", "schema": "https://schema.getpostman.com/json/collection/v2.0.0/collection.json"}
    text = json.dumps(
        {"collection": {"info": info, "auth": {"type": "oauth2", "oauth2": block}, "item": [request("me")]}}
    )
    draft = only(text)
    auth = draft.data["auth"]
    assert auth["token_exchange"]["client_authentication"] == "body"
    assert auth["token_exchange"]["parameters"] == [{"key": "audience", "value": "orders"}]
    assert auth["resource"] == ["https://api.example/"]
    assert revealed(auth["credentials"]["client_secret"]) == secret


def test_a_token_without_a_way_to_renew_it_is_a_bearer_token(canary: Canary) -> None:
    draft = only(
        postman(
            [request("me")], auth=postman_auth("oauth2", accessToken=canary("token"), addTokenTo="header")
        )
    )
    assert draft.data["auth"]["type"] == "bearer"
    assert any("run out" in note for note in draft.notes)


def test_variables_of_the_collection_fill_addresses_and_others_are_no_values(canary: Canary) -> None:
    secret = canary("key")
    variables = [{"key": "base", "value": "https://api.example"}, {"key": "key", "value": secret}]
    block = postman_auth("apikey", key="X-Key", value="{{key}}")
    other = postman_auth("apikey", key="X-Key", value="{{elsewhere}}")
    items = [request("a", "{{base}}/me"), request("b", "{{host}}/me", auth=other)]
    found = imported(postman(items, auth=block, variable=variables))
    known, unknown = found.drafts
    assert known.data["allowed_origins"] == ["https://api.example"]
    assert revealed(known.data["auth"]["value"]) == secret
    assert unknown.missing == ("allowed_origins", "auth.value")


@pytest.mark.parametrize("kind", ["basic", "digest", "awsv4", "ntlm", "hawk", "oauth1", "edgegrid", "jwt"])
def test_kinds_that_no_record_does_are_told(canary: Canary, kind: str) -> None:
    block = postman_auth(kind, username="ann", password=canary("password"))
    with pytest.raises(DocumentFault, match="no kind of record does that") as caught:
        imported(postman([request("me", auth=block)]))
    canary.scan(str(caught.value), "error")


def test_the_tools_own_callback_is_left_out(canary: Canary) -> None:
    block = oauth(canary, grant_type="authorization_code", redirect_uri="https://oauth.pstmn.io/v1/callback")
    draft = only(postman([request("me")], auth=block))
    assert "callback_url" not in draft.data["auth"]["authorization"]
    assert any("source tool's own" in note for note in draft.notes)


def test_version_1_is_refused_with_a_way_out() -> None:
    info = {"schema": "https://schema.getpostman.com/json/collection/v1.0.0/"}
    with pytest.raises(DocumentFault, match=r"v2\.1"):
        imported(json.dumps({"info": info, "item": []}))


def test_Q4_a_reference_to_a_file_or_command_is_no_value() -> None:
    """What documents would resolve is text of a stranger here: neither a secret nor a client id becomes a reference."""
    for text in ("${file:/etc/passwd}", "${command:id}", "${env:HOME}"):
        block = postman_auth(
            "oauth2", grant_type="client_credentials", clientId=text, clientSecret=text, **URLS
        )
        draft = only(postman([request("me")], auth=block))
        assert draft.missing == ("auth.credentials.client_id", "auth.credentials.client_secret")
        assert "credentials" not in draft.data["auth"]
