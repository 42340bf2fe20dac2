"""`authrecord import` of what other tools have: recognised, said first, taken without a word about a secret."""

from __future__ import annotations

import json

import pytest

from tests.canary_watch import Canary
from tests.cli.desk import Desk
from tests.exchange.samples import postman, postman_auth, request

OPENAPI = {
    "openapi": "3.1.1",
    "info": {"title": "shop"},
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
}


def test_P10_a_pasted_curl_command_goes_through_standard_input(desk: Desk, canary: Canary) -> None:
    typed = f"curl https://api.example.com/me \\\n  -H 'Authorization: Bearer {canary('token')}' -k"
    dry = desk.run("import", "-", "--dry-run", typed=typed)
    assert dry.code == 0, dry.err
    assert "goes to https://api.example.com" in dry.out
    assert "certificates are always checked" in dry.err
    assert desk.run("list", "--json").data["records"] == []
    done = desk.run("import", "-", "--json", typed=typed)
    assert done.data["format"] == "curl command"
    assert done.data["records"] == [{"name": "api.example.com", "change": "new", "fields": []}]
    assert desk.run("import", "-", "--json", typed=typed).data["records"][0]["change"] == "unchanged"


def test_what_an_openapi_document_cannot_hold_is_read_from_the_environment(desk: Desk) -> None:
    path = desk.write(json.dumps(OPENAPI), "openapi.json")
    refused = desk.run("import", str(path), "--json")
    assert (refused.code, refused.data["error"]["code"]) == (3, "incomplete")
    assert "--origin" in desk.run("import", str(path)).err
    done = desk.run("import", str(path), "--origin", "https://api.example.com")
    assert done.code == 0, done.err
    assert "${env:SHOP_KEY_VALUE}" in done.err
    assert "${env:SHOP_KEY_VALUE}" in desk.run("show", "shop-key").out


def test_drafts_that_are_not_complete_are_told_and_the_others_taken(desk: Desk, canary: Canary) -> None:
    open_one = postman_auth("oauth2", grant_type="client_credentials", clientId="a", accessTokenUrl="{{url}}")
    whole = postman_auth("apikey", key="X-Key", value=canary("key"))
    text = postman([request("whole", auth=whole), request("open", auth=open_one)])
    path = desk.write(text, "collection.json")
    canary.allow(whole["apikey"][1]["value"], sink="file:collection.json")
    done = desk.run("import", str(path), "--from", "postman", "--json")
    assert [one["name"] for one in done.data["records"]] == ["whole"]
    assert done.data["incomplete"] == [{"name": "open", "missing": ["auth.token_exchange.url"]}]
    assert "Not taken: open" in desk.run("import", str(path)).err


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (["-"], "hello", "holds no records"),
        (["-", "--from", "openapi"], "curl https://a.example", "does not look like openapi"),
        (["-", "--passphrase-stdin"], "x", "not both"),
        (["-"], b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(
    desk: Desk, arguments: list[str], typed: str | bytes, words: str
) -> None:
    ended = desk.run("import", *arguments, typed=typed)
    assert ended.code in (2, 3)
    assert words in ended.err


def test_a_document_comes_through_standard_input_too(desk: Desk) -> None:
    text = "name: orders\nallowed_origins: ['https://api.example.com']\nauth: {type: bearer, token: '${file:t}'}\n"
    assert desk.run("import", "-", typed=text).code == 0
    assert f"${{file:{desk.folder / 't'}}}" in desk.run("show", "orders").out


def test_a_file_of_a_foreign_suffix_is_recognised_by_what_is_in_it(desk: Desk) -> None:
    text = (
        "get {\n  url: https://api.example.com\n  auth: bearer\n}\n\nauth:bearer {\n  token: {{token}}\n}\n"
    )
    done = desk.run("import", str(desk.write(text, "me.bru")), "--json")
    assert (done.data["format"], len(done.data["records"])) == ("Bruno file", 1)


def test_Q4_an_import_says_every_origin_that_a_record_will_talk_to(desk: Desk) -> None:
    text = (
        "name: orders\nallowed_origins: ['https://api.example.com']\nauth:\n  type: oauth2\n"
        "  grant: client_credentials\n"
        "  credentials: {client_id: a, client_secret: '${env:S}'}\n"
        "  token_exchange: {url: 'https://id.example.com/token'}\n"
    )
    dry = desk.run("import", str(desk.write(text, "ours.yaml")), "--dry-run")
    assert "goes to https://api.example.com, https://id.example.com" in dry.out
