"""Which field belongs to which grant, and what must fit together."""

from __future__ import annotations

from typing import Any

import pytest

from authrecord.core.fields import GRANTS, Field, Kind, fields_of
from authrecord.record import OAuth2
from tests.documents.examples import faults_of, oauth2, paths_of, record

_ISSUER = "https://id.example.com"
_VALUES: dict[Kind, Any] = {
    Kind.URL: "https://id.example.com/x",
    Kind.CALLBACK_URL: "https://app.example.com/cb",
    Kind.BOOLEAN: True,
    Kind.PATTERN: "expired",
    Kind.PARAMETERS: [],
    Kind.SECRET: "${env:X}",
    Kind.JSON_POINTER: "/x",
}


def _value(field: Field) -> Any:
    return field.choices[0].key if field.choices else _VALUES.get(field.kind, "ES256")


def _cases() -> list[tuple[str, str, Field]]:
    groups = [outer for outer in fields_of(OAuth2) if outer.group_class is not None]
    return [
        (grant, outer.key, field)
        for grant in GRANTS
        for outer in groups
        for field in fields_of(outer.group_class or OAuth2)
        if not field.applies_to(grant)
    ]


@pytest.mark.parametrize(
    ("grant", "group", "field"), _cases(), ids=lambda value: getattr(value, "key", value)
)
def test_a_field_that_does_not_apply_to_the_grant_is_refused_with_its_label(
    grant: str, group: str, field: Field
) -> None:
    outer = next(one for one in fields_of(OAuth2) if one.key == group)
    (fault,) = faults_of(oauth2(grant, {f"{group}.{field.key}": _value(field)}))
    shown = field if outer.applies_to(grant) else outer
    assert fault.path == (f"auth.{group}.{field.key}" if shown is field else f"auth.{group}")
    assert shown.label in fault.message
    assert "It belongs to" in fault.hint


@pytest.mark.parametrize(
    ("grant", "missing"),
    [
        ("authorization_code", ["authorization.url", "token_exchange.url"]),
        ("implicit", ["authorization.url"]),
        ("password", ["token_exchange.url"]),
        ("client_credentials", ["token_exchange.url"]),
    ],
)
def test_urls_are_needed_unless_an_issuer_is_given(grant: str, missing: list[str]) -> None:
    changes: dict[str, Any] = dict.fromkeys(missing, ...)
    assert paths_of(oauth2(grant, changes)) == [f"auth.{path}" for path in missing]
    assert paths_of(oauth2(grant, dict.fromkeys(missing, ""))) == [f"auth.{path}" for path in missing]
    assert record(oauth2(grant, {**changes, "issuer": _ISSUER})).name == "orders"


def test_every_missing_field_of_an_empty_grant_is_reported_at_once() -> None:
    data = {"name": "a", "auth": {"type": "oauth2", "grant": "password"}}
    assert paths_of(data) == [
        "auth.credentials.client_id",
        "auth.credentials.username",
        "auth.credentials.password",
        "auth.token_exchange.url",
    ]


def test_S19_client_credentials_without_client_authentication_are_refused() -> None:
    none = oauth2("client_credentials", {"token_exchange.client_authentication": "none"})
    assert paths_of(none) == ["auth.token_exchange.client_authentication"]
    for secret in (..., ""):
        data = oauth2("client_credentials", {"credentials.client_secret": secret})
        assert paths_of(data) == ["auth.credentials.client_secret"]


@pytest.mark.parametrize("grant", ["authorization_code", "password"])
def test_a_public_client_of_a_grant_with_a_person_needs_no_secret(grant: str) -> None:
    auth = record(oauth2(grant, {"credentials.client_secret": ...})).auth
    assert isinstance(auth, OAuth2)
    assert auth.credentials.client_secret is None


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_jwt"])
def test_a_signed_jwt_needs_a_key_of_the_fitting_kind(method: str) -> None:
    changes = {"token_exchange.client_authentication": method}
    assert paths_of(oauth2("authorization_code", {**changes, "credentials.client_secret": ...})) == [
        "auth.credentials.client_secret"
    ]
    right, wrong = ("RS256", "HS256") if method == "private_key_jwt" else ("HS256", "RS256")
    assert record(oauth2("password", {**changes, **_SECRET, "credentials.assertion_algorithm": right})).name
    assert paths_of(oauth2("password", {**changes, **_SECRET, "credentials.assertion_algorithm": wrong})) == [
        "auth.credentials.assertion_algorithm"
    ]


def test_a_private_key_may_have_line_breaks_and_a_password_may_not() -> None:
    lines = {"credentials.client_secret": "-----BEGIN\nx\n-----END\n"}
    method = {"token_exchange.client_authentication": "private_key_jwt"}
    assert record(oauth2("client_credentials", {**lines, **method})).name == "orders"
    assert paths_of(oauth2("client_credentials", lines)) == ["auth.credentials.client_secret"]


def test_mutual_tls_needs_a_certificate_and_a_key_file_needs_one_too() -> None:
    changes = {"token_exchange.client_authentication": "tls_client_auth", "credentials.client_secret": ...}
    assert paths_of(oauth2("client_credentials", changes)) == ["auth.credentials.certificate_file"]
    assert record(
        oauth2("client_credentials", {**changes, "credentials.certificate_file": "client.pem"})
    ).name
    key_only = oauth2("password", {"credentials.certificate_key_file": "key.pem"})
    assert paths_of(key_only) == ["auth.credentials.certificate_file"]


@pytest.mark.parametrize("field", ["header_prefix", "header_name"])
def test_S27_a_token_in_header_and_query_at_once_is_refused(field: str) -> None:
    both = oauth2("implicit", {"token_usage": {"add_to": "query", "query_name": "t", field: "X"}})
    assert paths_of(both) == [f"auth.token_usage.{field}"]
    assert paths_of(oauth2("implicit", {"token_usage": {"query_name": "t"}})) == [
        "auth.token_usage.query_name"
    ]
    assert (
        record(oauth2("implicit", {"token_usage": {"add_to": "query", "query_name": "t"}})).name == "orders"
    )


_SECRET = {"credentials.client_secret": "${env:X}"}


def test_S18_a_password_may_be_left_out_where_it_is_not_to_be_kept() -> None:
    left_out = {"credentials.password": ..., "credentials.keep_password": False}
    assert record(oauth2("password", left_out)).name
    assert paths_of(oauth2("password", {"credentials.password": ...})) == ["auth.credentials.password"]
