"""Credentials that stand in a header, in each of the collections that can hold one there."""

from __future__ import annotations

import json

import pytest
import yaml

from authrecord.exchange.headers import Header, auth_of_header, credentials_in
from tests.canary_watch import Canary
from tests.exchange.samples import only, postman, postman_auth, request, revealed

URL = "https://api.example/me"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "X-API-Key",
        "api_key",
        "Ocp-Apim-Subscription-Key",
        "PRIVATE-TOKEN",
        "X-Auth-Token",
        "Key",
    ],
)
def test_the_names_that_usually_carry_a_credential_are_known(name: str) -> None:
    assert credentials_in([(name, "x")]) == [Header(name, "x")]


@pytest.mark.parametrize(
    "name",
    ["Accept", "X-Author", "Proxy-Authorization", "X-CSRF-Token", "Idempotency-Key", "Keep-Alive", "", None],
)
def test_other_names_carry_none(name: str | None) -> None:
    assert credentials_in([(name, "x"), ("Authorization", " "), ("Authorization", None)]) == []


def test_a_header_does_not_print_its_value(canary: Canary) -> None:
    canary.scan(repr(Header("Authorization", canary("token"))), "repr")


@pytest.mark.parametrize("value", ["{{auth}}", "{{ auth }}", "Bearer {{token}}", "<your token>"])
def test_a_placeholder_in_a_header_leaves_the_token_open(value: str) -> None:
    auth = auth_of_header(Header("Authorization", value))
    assert not isinstance(auth, str)
    assert auth.missing == ("auth.token",)


def test_a_first_word_that_could_be_a_piece_of_the_token_is_no_prefix(canary: Canary) -> None:
    value = f"{canary('first')} {canary('second')}"
    auth = auth_of_header(Header("Authorization", value))
    assert not isinstance(auth, str)
    assert (revealed(auth.data["token"]), auth.data["prefix"]) == (value, "")


@pytest.mark.parametrize("format", ["postman", "bruno", "opencollection", "insomnia", "hoppscotch"])
def test_a_request_without_auth_may_carry_it_in_a_header(canary: Canary, format: str) -> None:
    secret = canary("token")
    value = f"Bearer {secret}"
    named = [{"name": "Accept", "value": "x"}, {"name": "Authorization", "value": value}]
    keyed = [{"key": "Authorization", "value": value, "active": True}]
    texts = {
        "postman": postman([request("me", URL, header=keyed, auth={"type": "noauth"})]),
        "bruno": f"meta {{\n  name: me\n}}\n\nget {{\n  url: {URL}\n  auth: none\n}}\n\n"
        f"headers {{\n  Authorization: {value}\n}}\n",
        "opencollection": yaml.safe_dump(
            {"info": {"name": "me", "type": "http"}, "http": {"url": URL, "headers": named}}
        ),
        "insomnia": yaml.safe_dump(
            {
                "type": "collection.insomnia.rest/5.0",
                "collection": [{"name": "me", "url": URL, "headers": named}],
            }
        ),
        "hoppscotch": json.dumps(
            {"name": "me", "endpoint": URL, "auth": {"authType": "none"}, "headers": keyed}
        ),
    }
    draft = only(texts[format])
    assert (draft.name, draft.data["allowed_origins"], draft.missing) == ("me", ["https://api.example"], ())
    assert revealed(draft.data["auth"]["token"]) == secret


def test_an_auth_of_its_own_and_a_switched_off_header_come_first(canary: Canary) -> None:
    off = [{"key": "X-Api-Key", "value": canary("old key"), "disabled": True}]
    own = postman_auth("bearer", token=canary("token"))
    over = [{"key": "X-Api-Key", "value": canary("other key")}]
    draft = only(postman([request("a", URL, header=off), request("b", URL, header=over, auth=own)]))
    assert draft.data["auth"]["type"] == "bearer"
