"""What is accepted and still reported."""

from __future__ import annotations

from typing import Any

import pytest

from authrecord.documents import warnings_of
from tests.canary_watch import Canary
from tests.documents.examples import api_key, bearer, oauth2, record

_ORIGINS = ["https://api.example.com"]


def _warned(data: dict[str, Any], origins: list[str] | None = None) -> list[str]:
    return [fault.path for fault in warnings_of(record({**data, "allowed_origins": origins or _ORIGINS}))]


@pytest.mark.parametrize("grant", ["authorization_code", "client_credentials"])
def test_a_sound_record_has_no_warning(grant: str) -> None:
    assert _warned(oauth2(grant)) == []
    assert _warned(bearer()) == []


def test_a_literal_secret_is_reported_at_its_path_and_not_shown(canary: Canary) -> None:
    secret = canary("secret")
    parameter = {"key": "a", "value": secret, "sensitive": True}
    changes = {
        "credentials.client_secret": secret,
        "credentials.client_id_sensitive": True,
        "token_exchange.parameters": [parameter],
    }
    found = warnings_of(record({**oauth2("client_credentials", changes), "allowed_origins": _ORIGINS}))
    assert [fault.path for fault in found] == [
        "auth.credentials.client_id",
        "auth.credentials.client_secret",
        "auth.token_exchange.parameters[0].value",
    ]
    canary.scan(repr(found), "warnings")
    assert _warned(bearer(token=secret)) == ["auth.token"]


def test_S50_the_implicit_grant_is_reported_as_legacy() -> None:
    assert _warned(oauth2("implicit")) == ["auth.grant"]


def test_S53_the_password_grant_is_reported_as_legacy() -> None:
    assert _warned(oauth2("password")) == ["auth.grant"]


def test_S48_a_token_endpoint_at_another_origin_than_the_authorization_endpoint_is_reported() -> None:
    other = {"token_exchange.url": "https://evil.example/token"}
    assert _warned(oauth2("authorization_code", other)) == ["auth.token_exchange.url"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"authorization.state": "fixed"}, "auth.authorization.state"),
        ({"authorization.pkce": "off_because_the_provider_refuses_it"}, "auth.authorization.pkce"),
        ({"token_usage.add_to": "query"}, "auth.token_usage.add_to"),
        ({"allow_insecure": True}, "auth.allow_insecure"),
        ({"authorization.callback_url": "http://app.example.com/cb"}, "auth.authorization.callback_url"),
        ({"token_exchange.client_authentication": "none"}, None),
    ],
)
def test_a_weak_setting_is_reported_at_its_field(changes: dict[str, Any], path: str | None) -> None:
    assert _warned(oauth2("authorization_code", changes)) == [
        path or "auth.token_exchange.client_authentication"
    ]


def test_origins_that_are_empty_or_plain_http_are_reported() -> None:
    assert [fault.path for fault in warnings_of(record(bearer()))] == ["allowed_origins"]
    origins = ["https://a.example", "http://a.example", "http://127.0.0.1:8000"]
    assert _warned(bearer(), origins) == ["allowed_origins[1]"]


def test_an_api_key_in_the_query_is_reported() -> None:
    assert _warned(api_key(key="key", send_in="query")) == ["auth.send_in"]
