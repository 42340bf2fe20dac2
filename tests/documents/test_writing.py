"""Writing: the same shape in three formats, and no secret unless it is asked for by name."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from authrecord.core.errors import DocumentFault, RecordFault
from authrecord.core.secret import Reference, Secret
from authrecord.documents import Format, checked, read, records_from, write
from authrecord.record import OAuth2, Record
from authrecord.schemes.bearer import Bearer
from tests.canary_watch import Canary
from tests.documents import strategies
from tests.documents.examples import GRANTS, bearer, oauth2, record


@given(data=strategies.documents)
@hypothesis_settings(max_examples=60)
@pytest.mark.parametrize("form", list(Format))
def test_what_is_written_reads_back_as_it_was(form: Format, data: list[dict[str, Any]]) -> None:
    records = records_from(data)
    written = write(records, format=form, reveal=True)
    assert written.left_out == ()
    assert read(written.text, format=form) == records


@given(data=strategies.records)
@hypothesis_settings(max_examples=60)
def test_a_record_that_was_read_is_right_when_it_is_checked_again(data: dict[str, Any]) -> None:
    one = record(data)
    assert checked(one) == one


@pytest.mark.parametrize("form", list(Format))
def test_P26_no_literal_secret_is_written_and_each_is_named(form: Format, canary: Canary) -> None:
    changes = {
        "credentials.client_secret": canary("client_secret"),
        "credentials.password": canary("password"),
        "credentials.client_id": canary("client_id"),
        "credentials.client_id_sensitive": True,
        "token_exchange.parameters": [
            {"key": "a", "value": canary("parameter"), "sensitive": True},
            {"key": "b", "value": "open"},
        ],
        "token_refresh.parameters": [{"key": "a", "value": canary("refresh"), "sensitive": True}],
    }
    one = record({**oauth2("password", changes), "name": "9-orders.x"})
    written = write([one], format=form)
    canary.scan(written.text + repr(written), "document")
    assert [(left.path, str(left.reference)) for left in written.left_out] == [
        ("records[0].auth.credentials.client_id", "${env:RECORD_9_ORDERS_X_CLIENT_ID}"),
        ("records[0].auth.credentials.client_secret", "${env:RECORD_9_ORDERS_X_CLIENT_SECRET}"),
        ("records[0].auth.credentials.password", "${env:RECORD_9_ORDERS_X_PASSWORD}"),
        (
            "records[0].auth.token_exchange.parameters[0].value",
            "${env:RECORD_9_ORDERS_X_TOKEN_EXCHANGE_PARAMETER_0}",
        ),
        (
            "records[0].auth.token_refresh.parameters[0].value",
            "${env:RECORD_9_ORDERS_X_TOKEN_REFRESH_PARAMETER_0}",
        ),
    ]
    (back,) = read(written.text, format=form)
    assert isinstance(back.auth, OAuth2)
    assert back.auth.credentials.client_secret == Reference("env", "RECORD_9_ORDERS_X_CLIENT_SECRET")
    assert back.auth.token_exchange.parameters[1].value == "open"


def test_two_secrets_never_share_a_placeholder(canary: Canary) -> None:
    same = [record({**bearer(token=canary("token")), "name": name}) for name in ("a.b", "a-b", "A_B")]
    references = [str(left.reference) for left in write(same, format=Format.JSON).left_out]
    assert references == ["${env:A_B_TOKEN}", "${env:A_B_TOKEN_2}", "${env:A_B_TOKEN_3}"]


@pytest.mark.parametrize("form", list(Format))
def test_references_are_written_as_they_are_and_never_resolved(
    form: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TOKEN", "resolved-by-mistake")
    written = write([record(bearer())], format=form)
    assert "${env:TOKEN}" in written.text
    assert "resolved-by-mistake" not in written.text
    assert written.left_out == ()


def test_defaults_are_left_out() -> None:
    (data,) = [record(oauth2("client_credentials"))]
    text = write([data], format=Format.YAML).text
    for key in (
        "description",
        "prefix",
        "use_browser",
        "token_usage",
        "client_authentication",
        "sensitive",
        "send_in",
    ):
        assert key not in text


def test_a_secret_that_would_be_read_back_as_a_reference_is_not_written() -> None:
    one = Record(name="a", auth=Bearer(token=Secret("${env:X}")))
    with pytest.raises(RecordFault, match="as a reference"):
        write([one], format=Format.JSON, reveal=True)


@pytest.mark.parametrize("grant", GRANTS)
def test_a_record_built_in_code_has_the_same_faults_as_a_document(grant: str) -> None:
    good = record(oauth2(grant))
    assert checked(good) == good


def test_a_record_built_in_code_is_refused_with_paths_and_without_values(canary: Canary) -> None:
    secret = canary("token")
    bad = Record(name="a b", allowed_origins=("*",), auth=Bearer(token=Secret(secret + "\n"), prefix="x "))
    with pytest.raises(DocumentFault) as refused:
        checked(bad)
    assert [(fault.path, fault.line) for fault in refused.value.faults] == [
        ("name", None),
        ("allowed_origins[0]", None),
        ("auth.prefix", None),
        ("auth.token", None),
    ]
