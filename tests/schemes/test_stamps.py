"""Each scheme's stamp: one credential, in one place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from authrecord.core.errors import BadAnswer, LoginRequired
from authrecord.core.messages import Outgoing
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.schemes.api_key import ApiKeyScheme
from authrecord.schemes.bearer import BearerScheme
from authrecord.schemes.oauth2 import OAuth2Scheme, TokenUsage
from tests.canary_watch import Canary

GET = Outgoing("GET", "https://api.example.com/orders")


@pytest.mark.parametrize(("prefix", "expected"), [("Bearer", "Bearer {}"), ("token", "token {}"), ("", "{}")])
def test_S28_a_bearer_token_stands_behind_its_prefix(canary: Canary, prefix: str, expected: str) -> None:
    value = canary("token")
    stamp = BearerScheme(prefix, Secret(value)).stamp(GET, None)
    assert stamp.wire_headers() == [("Authorization", expected.format(value))]
    assert stamp.wire_query() == ""


def test_D4_a_prefix_is_text_and_no_template(canary: Canary) -> None:
    value = canary("token")
    stamp = BearerScheme("{0}{token.__class__}%s", Secret(value)).stamp(GET, None)
    assert stamp.wire_headers() == [("Authorization", "{0}{token.__class__}%s " + value)]


@pytest.mark.parametrize("place", ["header", "query", "cookie"])
def test_S27_an_api_key_stands_in_exactly_one_place(canary: Canary, place: str) -> None:
    value = canary("key")
    stamp = ApiKeyScheme("X-API-Key", Secret(value), place).stamp(GET, None)
    places = {"header": stamp.wire_headers(), "query": stamp.wire_query(), "cookie": stamp.wire_cookies()}
    assert [name for name, filled in places.items() if filled] == [place]
    assert value in str(places[place])
    canary.scan(repr(stamp), "repr")


def test_D5_the_name_of_a_query_key_is_encoded_as_one_name(canary: Canary) -> None:
    value = canary("key", alphabet="hard")
    for name in ("a&b", "a=b", "#", "[]", "ключ"):
        from urllib.parse import parse_qsl

        query = ApiKeyScheme(name, Secret(value), "query").stamp(GET, None).wire_query()
        assert parse_qsl(query) == [(name, value)]


def token(canary: Canary) -> Token:
    return Token(access_token=Secret(canary("access")), id_token=Secret(canary("id")), obtained_at=0.0)


def test_an_obtained_token_is_put_where_the_record_says(canary: Canary) -> None:
    one = token(canary)
    header = OAuth2Scheme(TokenUsage(header_prefix="Token", header_name="X-Auth")).stamp(GET, one)
    assert header.wire_headers() == [("X-Auth", f"Token {one.access_token.reveal()}")]
    bare = OAuth2Scheme(TokenUsage(header_prefix="")).stamp(GET, one)
    assert bare.wire_headers() == [("Authorization", one.access_token.reveal())]


def test_S30_S57_a_query_token_is_opt_in_and_is_not_to_be_stored(canary: Canary) -> None:
    one = token(canary)
    stamp = OAuth2Scheme(TokenUsage(add_to="query", query_name="auth")).stamp(GET, one)
    assert stamp.wire_query() == f"auth={one.access_token.reveal()}"
    assert stamp.wire_headers() == [("Cache-Control", "no-store")]
    assert TokenUsage().add_to == "header"


def test_the_id_token_is_attached_where_the_record_asks_for_it(canary: Canary) -> None:
    one = token(canary)
    scheme = OAuth2Scheme(TokenUsage(token="id_token"))
    assert one.id_token is not None
    assert scheme.stamp(GET, one).wire_headers() == [("Authorization", f"Bearer {one.id_token.reveal()}")]
    with pytest.raises(BadAnswer, match="openid"):
        scheme.stamp(GET, replace(one, id_token=None))


def test_fails_closed_without_a_token() -> None:
    with pytest.raises(LoginRequired):
        OAuth2Scheme(TokenUsage()).stamp(GET, None)
