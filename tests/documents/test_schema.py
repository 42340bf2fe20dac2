"""The published JSON Schema: valid itself, accepts what `read` accepts, completes only what fits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from jsonschema import Draft202012Validator

from authrecord.core.fields import GRANTS, Kind, fields_of
from authrecord.documents import Format, json_schema, read, write
from authrecord.record import OAuth2
from tests.documents import strategies
from tests.documents.examples import GRANTS as EXAMPLES
from tests.documents.examples import api_key, bearer, faults_of, oauth2, record

SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_valid_by_its_metaschema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@given(data=strategies.documents)
@hypothesis_settings(max_examples=60)
def test_every_document_that_read_accepts_the_schema_accepts(data: list[dict[str, Any]]) -> None:
    assert [error.json_path for error in VALIDATOR.iter_errors({"records": data})] == []
    assert [error.json_path for error in VALIDATOR.iter_errors(data)] == []


@pytest.mark.parametrize("grant", EXAMPLES)
def test_what_is_written_is_accepted_by_the_schema(grant: str) -> None:
    import json

    text = write([record(oauth2(grant))], format=Format.JSON).text
    assert VALIDATOR.is_valid(json.loads(text))
    assert VALIDATOR.is_valid(oauth2(grant))
    assert read(text, format=Format.JSON) == (record(oauth2(grant)),)


FAULTY: list[Any] = [
    5,
    {"records": {}},
    {"records": [5]},
    {"records": [], "extra": 1},
    {"name": "a"},
    {"name": "a b", "auth": bearer()["auth"]},
    {**bearer(), "tags": "x"},
    {**bearer(), "colour": "x"},
    bearer(type="basic"),
    bearer(token=""),
    bearer(token=5),
    bearer(prefix=" x"),
    bearer(prefx="x"),
    api_key(send_in="body"),
    api_key(key=""),
    oauth2("client_credentials", {"grant": "device"}),
    oauth2("client_credentials", {"token_exchange.url": ...}),
    oauth2("client_credentials", {"token_exchange.url": "ftp://x"}),
    oauth2("client_credentials", {"token_exchange.url": "https://x/#y"}),
    oauth2("client_credentials", {"authorization.url": "https://x/"}),
    oauth2("client_credentials", {"token_refresh.url": "https://x/"}),
    oauth2("client_credentials", {"credentials.client_id": ...}),
    oauth2("client_credentials", {"token_exchange.client_authentication": "digest"}),
    oauth2("authorization_code", {"token_exchange.scope": "x"}),
    oauth2("authorization_code", {"authorization.url": ...}),
    oauth2("authorization_code", {"authorization.use_browser": "yes"}),
    oauth2("authorization_code", {"authorization.callback_url": "/cb"}),
    oauth2(
        "authorization_code", {"authorization.parameters": [{"key": "a", "value": "b", "send_in": "body"}]}
    ),
    oauth2("authorization_code", {"authorization.parameters": [{"key": "a"}]}),
    oauth2("implicit", {"token_exchange.url": "https://x/"}),
    oauth2("implicit", {"token_usage": {"add_to": "query", "header_prefix": "x"}}),
    oauth2("implicit", {"token_usage": {"query_name": "x"}}),
    oauth2("password", {"credentials.username": ...}),
    oauth2("password", {"credentials.password": ...}),
    oauth2("password", {"token_exchange.parameters": [{"key": "a", "value": "b", "send_in": "cookie"}]}),
    oauth2("password", {"token_exchange.token_pointer": "a"}),
]


@pytest.mark.parametrize("data", FAULTY, ids=str)
def test_a_faulty_document_is_refused_by_both(data: object) -> None:
    assert faults_of(data)
    assert not VALIDATOR.is_valid(data)


def test_secrets_are_marked_so_that_editors_and_forms_hide_them() -> None:
    marked = 0
    for grant in GRANTS:
        properties = SCHEMA["$defs"][f"oauth2_{grant}"]["properties"]
        for outer in fields_of(OAuth2):
            for field in (
                fields_of(outer.group_class) if outer.group_class and outer.applies_to(grant) else ()
            ):
                if field.kind is Kind.SECRET and field.applies_to(grant):
                    shown = properties[outer.key]["properties"][field.key]
                    assert (shown["writeOnly"], shown["format"]) == (True, "password")
                    assert (shown["title"], shown["description"]) == (field.label, field.help)
                    marked += 1
    assert marked == 4


@pytest.mark.parametrize("grant", GRANTS)
def test_an_editor_is_offered_exactly_the_fields_that_apply(grant: str) -> None:
    definition = SCHEMA["$defs"][f"oauth2_{grant}"]
    expected = [field.key for field in fields_of(OAuth2) if field.applies_to(grant)]
    assert list(definition["properties"]) == ["type", *expected]
    assert definition["additionalProperties"] is False
    for outer in fields_of(OAuth2):
        if outer.group_class is not None and outer.applies_to(grant):
            group = definition["properties"][outer.key]
            fields = [field.key for field in fields_of(outer.group_class) if field.applies_to(grant)]
            assert list(group["properties"]) == fields
