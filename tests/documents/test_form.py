"""The form, held against the seed's table: which field for which grant, in the seed's order."""

from __future__ import annotations

import pytest

from authrecord.core.fields import Kind
from authrecord.documents import FormGroup, form_of

AC, IM, PW, CC = "authorization_code", "implicit", "password", "client_credentials"
BOTH, ALL, EXCHANGE, RENEWED = {AC, IM}, {AC, IM, PW, CC}, {AC, PW, CC}, {AC, PW}

SEED = [
    ("Authorization", "Authorization URL", BOTH),
    ("Authorization", "Authorize using browser", BOTH),
    ("Authorization", "Callback URL", BOTH),
    ("Authorization", "Scope", BOTH),
    ("Authorization", "State", BOTH),
    ("Authorization", "Custom Authorization Parameters", BOTH),
    ("Credentials", "Client ID", ALL),
    ("Credentials", "Is Sensitive", ALL),
    ("Credentials", "Client Secret", EXCHANGE),
    ("Credentials", "Username", {PW}),
    ("Credentials", "Password", {PW}),
    ("Token Exchange", "Access Token URL", EXCHANGE),
    ("Token Exchange", "Scope", {PW, CC}),
    ("Token Exchange", "Access token expired message pattern", EXCHANGE),
    ("Token Exchange", "Client Authentication", EXCHANGE),
    ("Token Exchange", "Custom Access Token Request Parameters", EXCHANGE),
    ("Token Usage", "Add Token To", ALL),
    ("Token Usage", "Header Prefix", ALL),
    ("Token Refresh", "Refresh Token URL", RENEWED),
    ("Token Refresh", "Add Custom Refresh Request Parameters", RENEWED),
]
"""A copy by hand of the tables of the specification (`Is Sensitive` stands where they have it)."""


def _group(grant: str, label: str) -> FormGroup:
    return next(group for group in form_of("oauth2", grant) if group.label == label)


@pytest.mark.parametrize("grant", [AC, IM, PW, CC])
def test_the_form_shows_exactly_the_seeds_fields_in_the_seeds_order(grant: str) -> None:
    shown = [
        (group.label, field.label)
        for group in form_of("oauth2", grant)
        if group.path.startswith("auth.")
        for field in group.fields
        if not field.beyond_seed
    ]
    assert shown == [(group, label) for group, label, grants in SEED if grant in grants]


@pytest.mark.parametrize("grant", [AC, IM, PW, CC])
def test_fields_beyond_the_seed_come_after_the_seeds_own(grant: str) -> None:
    for group in form_of("oauth2", grant):
        flags = [field.beyond_seed for field in group.fields]
        assert flags == sorted(flags)


def test_bearer_and_api_key_show_their_fields_with_defaults_and_choices() -> None:
    _, token = form_of("bearer")
    assert [(field.path, field.label, field.default) for field in token.fields] == [
        ("auth.prefix", "Token Prefix", "Bearer"),
        ("auth.token", "Token", None),
    ]
    _, key = form_of("api_key")
    assert [(field.path, field.label) for field in key.fields] == [
        ("auth.key", "Key"),
        ("auth.value", "Value"),
        ("auth.send_in", "Send In"),
    ]
    assert [(one.key, one.label) for one in key.fields[2].choices][:2] == [
        ("header", "Header"),
        ("query", "Query Parameters"),
    ]


def test_every_record_begins_with_name_and_allowed_hosts() -> None:
    first = form_of("bearer")[0]
    assert [field.label for field in first.fields] == ["Name", "Description", "Tags", "Allowed hosts"]


def test_parameters_have_columns_and_those_of_the_authorization_no_place() -> None:
    authorization = next(
        field for field in _group(AC, "Authorization").fields if field.kind is Kind.PARAMETERS
    )
    exchange = next(field for field in _group(AC, "Token Exchange").fields if field.kind is Kind.PARAMETERS)
    assert [column.label for column in authorization.columns] == ["Key", "Value", "Sensitive"]
    assert [column.label for column in exchange.columns] == ["Key", "Value", "Send In", "Sensitive"]
    assert [one.label for one in exchange.columns[2].choices] == [
        "Request Header",
        "Request URL",
        "Request Body",
    ]


def test_the_header_prefix_is_shown_only_with_the_request_header() -> None:
    prefix = next(field for field in _group(CC, "Token Usage").fields if field.label == "Header Prefix")
    assert prefix.only_with == ("auth.token_usage.add_to", "header")
    assert prefix.default == "Bearer"


@pytest.mark.parametrize(
    ("auth_type", "grant"), [("basic", ""), ("oauth2", ""), ("oauth2", "x"), ("bearer", AC)]
)
def test_a_type_or_grant_that_is_none_is_refused(auth_type: str, grant: str) -> None:
    with pytest.raises(ValueError, match="no auth type"):
        form_of(auth_type, grant)
