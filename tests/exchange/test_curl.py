"""curl commands: which credential they send, and to whom."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from authrecord.core.errors import DocumentFault
from tests.canary_watch import Canary
from tests.exchange.samples import imported, only, revealed, told

URL = "https://api.example.com/v1/me?page=2"


def curl(*words: str) -> str:
    """A command of these words, quoted as a person would."""
    return shlex.join(["curl", URL, *words])


@pytest.mark.parametrize(
    ("words", "auth"),
    [
        (["-H", "Authorization: Bearer {}"], {"type": "bearer"}),
        (["--oauth2-bearer", "{}"], {"type": "bearer"}),
        (["-H", "authorization: Token {}"], {"type": "bearer", "prefix": "Token"}),
        (["-H", "Authorization: {}"], {"type": "bearer", "prefix": ""}),
        (["-sSfH", "X-API-Key: {}"], {"type": "api_key", "key": "X-API-Key"}),
        (["-b", "theme=dark; api_key={}"], {"type": "api_key", "key": "api_key", "send_in": "cookie"}),
        (["-G", "--data-urlencode", "apikey={}"], {"type": "api_key", "key": "apikey", "send_in": "query"}),
        (["--url-query", "access_token={}"], {"type": "api_key", "key": "access_token", "send_in": "query"}),
    ],
)
def test_a_credential_of_a_command_becomes_a_record(
    canary: Canary, words: list[str], auth: dict[str, Any]
) -> None:
    secret = canary("credential")
    text = curl(*(word.format(secret) for word in words))
    draft = only(text)
    found = dict(draft.data["auth"])
    assert revealed(found.pop("token", None) or found.pop("value")) == secret
    found.pop("send_in", None) if found.get("send_in") == "header" else None
    assert found == auth
    assert draft.data["allowed_origins"] == ["https://api.example.com"]
    assert (draft.name, draft.missing) == ("api.example.com", ())
    assert draft.record().name == "api.example.com"
    canary.scan(told(imported(text)), "what is told")


def test_a_key_in_the_address_is_found(canary: Canary) -> None:
    secret = canary("key")
    draft = only(f"curl 'https://api.example.com/x?q=1&key={secret}#top' --compressed -o out")
    assert draft.data["auth"]["send_in"] == "query"
    assert revealed(draft.data["auth"]["value"]) == secret


@pytest.mark.parametrize("token", ['"$TOKEN"', "${TOKEN}", "'{{token}}'", "'<your token>'", "$(pass show x)"])
def test_a_variable_is_no_value(token: str) -> None:
    draft = only(f"curl {URL} --oauth2-bearer {token}")
    assert draft.missing == ("auth.token",)
    assert "token" not in draft.data["auth"]


def test_several_credentials_are_several_records_of_different_names(canary: Canary) -> None:
    found = imported(
        curl("-H", f"X-Api-Key: {canary('key')}", "-H", f"Authorization: Bearer {canary('token')}")
    )
    assert [draft.name for draft in found.drafts] == ["api.example.com", "api.example.com-2"]
    assert any("several" in note for note in found.notes)


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (["-u", "ann:{}"], "Basic authentication"),
        (["-H", "Authorization: Basic {}"], "Authorization by Basic"),
        (["--digest", "-u", "ann:{}"], "Digest"),
        (["--aws-sigv4", "aws:amz", "--user", "ann:{}"], "AWS"),
        (["-H", "Cookie: session={}"], "Cookies were left out"),
        (["-d", "api_key={}"], "in the body"),
        (["-n"], "no file is read"),
        (["-K", "secrets.conf"], "no file is read"),
        (["-H", "@headers.txt"], "no file is read"),
        (["-E", "client.pem:{}"], "client certificate"),
        ([], "no credential"),
    ],
)
def test_what_no_record_does_is_told_without_its_value(canary: Canary, words: list[str], note: str) -> None:
    secret = canary("credential")
    with pytest.raises(DocumentFault, match=note) as caught:
        imported(curl(*(word.format(secret) for word in words)))
    canary.scan(str(caught.value), "error")


def test_unchecked_certificates_and_proxies_are_left_out_and_told(canary: Canary) -> None:
    found = imported(curl("-k", "-x", "http://proxy:1", "--oauth2-bearer", canary("token")))
    assert [note.partition(" ")[0] for note in found.notes] == ["-k", "The"]


@pytest.mark.parametrize("in_body", [True, False])
def test_a_token_request_becomes_a_client_credentials_record(canary: Canary, in_body: bool) -> None:
    secret = canary("client secret")
    proof = ["-d", f"client_id=scanner&client_secret={secret}"] if in_body else ["-u", f"scanner:{secret}"]
    more = ["-d", "grant_type=client_credentials", "-d", "scope=a b", "--data-raw", "audience=orders"]
    draft = only(shlex.join(["curl", "https://id.example.com/token", *more, *proof]))
    exchange = draft.data["auth"]["token_exchange"]
    assert draft.data["auth"]["grant"] == "client_credentials"
    assert (exchange["url"], exchange["scope"]) == ("https://id.example.com/token", "a b")
    assert exchange["parameters"] == [{"key": "audience", "value": "orders", "send_in": "body"}]
    assert exchange.get("client_authentication", "basic") == ("body" if in_body else "basic")
    assert revealed(draft.data["auth"]["credentials"]["client_secret"]) == secret
    assert draft.missing == ("allowed_origins",)


def test_a_token_request_with_a_secret_that_encoding_changes_stays_as_curl_sends_it(canary: Canary) -> None:
    user = f"scanner:{canary('client secret', alphabet='hard')}"
    draft = only(
        shlex.join(
            ["curl", "https://id.example.com/token", "-d", "grant_type=client_credentials", "-u", user]
        )
    )
    assert draft.data["auth"]["token_exchange"]["client_authentication"] == "basic_raw"


@pytest.mark.parametrize(
    "address", ["$BASE/x", "https://ann:pw@api.example.com/", "https://{host}/", "x y", "https://"]
)
def test_an_address_that_is_none_gives_no_host(canary: Canary, address: str) -> None:
    found = imported(f"curl {shlex.quote(address)} --oauth2-bearer {canary('token')}")
    assert found.drafts[0].missing == ("allowed_origins",)
    assert any("allowed hosts" in note for note in found.notes)


def test_D1_a_header_value_that_no_header_may_have_is_left_out(canary: Canary) -> None:
    value = canary("token")
    found = imported(f"curl {URL} -H $'Authorization: Bearer {value}\\x01\\u00e9'")
    assert found.drafts[0].missing == ("auth.token",)
    assert any("character that a header must not have" in note for note in found.drafts[0].notes)
    canary.scan(told(found), "what is told")


def test_a_prompt_settings_and_a_path_before_curl_are_understood(canary: Canary) -> None:
    draft = only(
        f"$ FOO=bar sudo /usr/bin/curl -XPOST {URL} --oauth2-bearer {canary('token')} --next -u a:b {URL}"
    )
    assert draft.data["auth"]["type"] == "bearer"
