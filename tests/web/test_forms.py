"""The form: the same fields as the documents, nothing lost, nothing shown that is secret."""

from __future__ import annotations

from typing import Any

import pytest

from authrecord.core.errors import DocumentFault
from authrecord.core.secret import MASK, Secret
from authrecord.documents import records_from
from authrecord.documents.form import form_of
from authrecord.documents.plain import mapping_of
from authrecord.web.editing import Forbidden, accepted
from authrecord.web.matching import matches_in
from authrecord.web.previewing import Preview, preview
from authrecord.web.rights import SCOPES, SET, Who
from authrecord.web.submitted import submitted
from authrecord.web.whole_form import KINDS, whole_form
from tests.canary_watch import Canary
from tests.web.stage import bearer, form_of_record

CALLBACK = "https://auth.example.com/callback/1"


def somebody(*scopes: str) -> Who:
    return Who("person", "1", "ann", "default", frozenset(scopes or SCOPES))


def oauth(canary: Canary, grant: str = "client_credentials", **groups: Any) -> dict[str, Any]:
    """A record of a grant, all of its required fields filled in."""
    auth: dict[str, Any] = {"type": "oauth2", "grant": grant}
    auth["credentials"] = {"client_id": "scanner", "client_secret": canary("client secret")}
    if grant in {"authorization_code", "implicit"}:
        auth["authorization"] = {"url": "https://id.example.com/authorize?x=y", "scope": "openid"}
    if grant == "implicit":
        del auth["credentials"]["client_secret"]
    else:
        auth["token_exchange"] = {"url": "https://id.example.com/token"}
    if grant == "password":
        auth["credentials"] |= {"username": "ann", "password": canary("user password")}
    return {"name": "orders", "allowed_origins": ["https://api.example.com"], "auth": auth | groups}


@pytest.mark.parametrize(("auth_type", "grant"), KINDS)
def test_the_whole_form_shows_each_kind_exactly_its_fields_in_their_order(auth_type: str, grant: str) -> None:
    expected = [field.path for group in form_of(auth_type, grant) for field in group.fields]
    shown = [
        one.field.path
        for group in whole_form()
        if auth_type in group.types and (not grant or not group.grants or grant in group.grants)
        for one in sorted(
            (*group.fields, *group.lists),
            key=lambda one: expected.index(one.field.path) if one.field.path in expected else -1,
        )
        if auth_type in one.types and (not grant or not one.grants or grant in one.grants)
    ]
    assert shown == expected


@pytest.mark.parametrize("grant", ["authorization_code", "implicit", "password", "client_credentials"])
def test_what_is_typed_into_the_form_is_the_record_that_a_document_holds(canary: Canary, grant: str) -> None:
    parameters = [
        {"key": "audience", "value": "orders"},
        {"key": "k", "value": canary("value"), "sensitive": True},
    ]
    data = oauth(canary, grant)
    group = "authorization" if grant in {"authorization_code", "implicit"} else "token_exchange"
    data["auth"][group]["parameters"] = parameters
    record = accepted(submitted(form_of_record(data)), None, somebody())
    assert record == records_from(data)[0]


def test_fields_of_another_kind_that_were_typed_before_do_not_reach_the_record(canary: Canary) -> None:
    before = [("auth.token", "typed before"), ("auth.key", "typed before")]
    pairs = [*form_of_record(oauth(canary, "password")), *before]
    record = accepted(submitted(pairs), None, somebody())
    assert record.auth.type == "oauth2"


def test_M15_a_stored_secret_stays_without_being_in_the_form(canary: Canary) -> None:
    stored = records_from(bearer(canary))[0]
    pairs = [
        ("name", "orders"),
        ("allowed_origins", "http://127.0.0.1:9"),
        ("auth.type", "bearer"),
        ("auth.prefix", "Bearer"),
    ]
    kept = accepted(submitted([*pairs, ("auth.token:keep", "auth.token")], stored), stored, somebody())
    assert kept == stored


@pytest.mark.parametrize(
    "place", ["auth.credentials.password", "auth.token_exchange.parameters[0].value", "auth", ""]
)
def test_a_stored_secret_never_becomes_that_of_another_field(canary: Canary, place: str) -> None:
    """Who may write a record cannot move a secret to where it would be seen."""
    data = oauth(canary, "password")
    data["auth"]["token_exchange"]["parameters"] = [{"key": "k", "value": canary("value"), "sensitive": True}]
    stored = records_from(data)[0]
    pairs = [pair for pair in form_of_record(data) if "client_secret" not in pair[0]]
    given = submitted([*pairs, ("auth.credentials.client_secret:keep", place)], stored)
    assert "client_secret" not in given.data["auth"]["credentials"]


def test_N4_a_kept_secret_does_not_follow_to_a_new_destination(canary: Canary) -> None:
    stored = records_from(bearer(canary))[0]
    pairs = [
        ("name", "orders"),
        ("allowed_origins", "https://evil.example"),
        ("auth.type", "bearer"),
        ("auth.prefix", "Bearer"),
    ]
    given = submitted([*pairs, ("auth.token:keep", "auth.token")], stored)
    with pytest.raises(DocumentFault) as caught:
        accepted(given, stored, somebody())
    assert [fault.path for fault in caught.value.faults] == ["auth.token"]
    with pytest.raises(Forbidden):
        accepted(given, stored, somebody(*(scope for scope in SCOPES if scope != SET)))


def text_of(shown: Preview) -> str:
    return "\n".join("".join(part.text for part in line) for block in shown.blocks for line in block.lines)


@pytest.mark.parametrize("grant", ["authorization_code", "implicit", "password", "client_credentials"])
def test_the_preview_shows_the_request_and_no_secret(canary: Canary, grant: str) -> None:
    data = oauth(canary, grant)
    data["auth"]["token_usage"] = {"header_prefix": "Token"}
    shown = text_of(preview(data, callback=CALLBACK))
    canary.scan(shown, "preview")
    assert f"Authorization: Token {MASK}" in shown
    assert "Host: api.example.com" in shown
    if grant in {"authorization_code", "implicit"}:
        assert "GET /authorize" in shown
        assert f"redirect_uri={CALLBACK}" in shown
    if grant != "implicit":
        assert "POST /token" in shown
        assert f"Basic base64(scanner:{MASK})" in shown


@pytest.mark.parametrize("how", ["body", "client_secret_jwt", "private_key_jwt"])
def test_the_preview_masks_the_secret_wherever_it_is_sent(canary: Canary, how: str) -> None:
    data = oauth(canary)
    data["auth"]["token_exchange"] |= {"client_authentication": how}
    data["auth"]["token_exchange"]["parameters"] = [
        {"key": f"k-{place}", "value": canary("value"), "sensitive": True, "send_in": place}
        for place in ("body", "query", "header")
    ]
    shown = text_of(preview(data, callback=CALLBACK))
    canary.scan(shown, "preview")
    assert shown.count(MASK) >= 3


def test_the_preview_of_a_stored_record_shows_no_stored_secret(canary: Canary) -> None:
    stored = records_from(oauth(canary, "password"))[0]
    canary.scan(text_of(preview(mapping_of(stored), callback=CALLBACK)), "preview")


def test_a_half_filled_form_is_told_what_is_missing() -> None:
    shown = preview({"auth": {"type": "oauth2", "grant": "client_credentials"}}, callback=CALLBACK)
    assert not shown.blocks
    assert shown.missing
    assert {path.split(".")[0] for path, _ in shown.missing} == {"auth"}


def test_an_api_key_is_shown_where_it_is_sent(canary: Canary) -> None:
    for place, expected in (
        ("header", f"X-Key: {MASK}"),
        ("query", f"X-Key={MASK}"),
        ("cookie", f"X-Key={MASK}"),
    ):
        auth = {"type": "api_key", "key": "X-Key", "value": canary("key"), "send_in": place}
        data = {"name": "a", "allowed_origins": ["https://api.example.com"], "auth": auth}
        assert expected in text_of(preview(data, callback=CALLBACK))


def test_G1_the_patterns_tester_runs_on_re2() -> None:
    found = matches_in("(a+)+b|expired", "token expired " + "a" * 60_000)
    assert found.matches
    assert ("expired", True) in found.pieces
    assert not matches_in("expired", "all is well").matches
    assert "".join(text for text, _ in found.pieces) == "token expired " + "a" * 60_000


def test_a_pattern_that_stands_literally_is_marked_as_it_stands() -> None:
    assert matches_in("(expired)", "it is (expired) now").pieces[1] == ("(expired)", True)


def test_a_secret_type_does_not_reach_a_line_of_the_form(canary: Canary) -> None:
    stored = records_from(oauth(canary))[0]
    assert isinstance(mapping_of(stored)["auth"]["credentials"]["client_secret"], Secret)
