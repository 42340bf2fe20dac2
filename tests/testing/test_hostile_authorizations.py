"""The bad answers of the authorization endpoint and of the discovery documents are what their lines say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from authrecord.testing import HOSTILE_AUTHORIZATIONS, HOSTILE_METADATA, HostileServer
from tests.canary_watch import Canary
from tests.testing.raw import exchange, request

LURE = "http://127.0.0.1:9"
CALLBACK = "http://127.0.0.1:1/callback"

Pairs = list[tuple[str, str]]


@pytest.fixture
def hostile(canary: Canary) -> Iterator[HostileServer]:
    with HostileServer(token=canary("code"), lure=LURE) as one:
        yield one


def answered(hostile: HostileServer, name: str, response_type: str) -> Pairs:
    """What comes back to the callback: the query, or the fragment for the implicit grant."""
    hostile.authorization_answer = name
    query = {"response_type": response_type, "redirect_uri": CALLBACK, "state": "s1", "client_id": "c"}
    url = f"{hostile.authorization_url}?{urlencode(query)}"
    target = urlsplit(exchange(url, request(url)).header("location"))
    assert f"{target.scheme}://{target.netloc}{target.path}" == CALLBACK
    given, empty = (target.fragment, target.query)[:: 1 if response_type == "token" else -1]
    assert not empty
    return parse_qsl(given, keep_blank_values=True)


def good(hostile: HostileServer, response_type: str = "code") -> Pairs:
    given = [("code", hostile.token)]
    if response_type == "token":
        given = [("access_token", hostile.token), ("token_type", "Bearer"), ("expires_in", "3600")]
    return [*given, ("state", "s1"), ("iss", hostile.url)]


@pytest.mark.parametrize("response_type", ["code", "token"])
def test_without_a_switch_the_answer_is_good(hostile: HostileServer, response_type: str) -> None:
    assert answered(hostile, "", response_type) == good(hostile, response_type)


Change = Callable[[HostileServer, Pairs], Pairs]


def put(**values: str) -> Change:
    return lambda hostile, pairs: list((dict(pairs) | values).items())


def without(name: str) -> Change:
    return lambda hostile, pairs: [pair for pair in pairs if pair[0] != name]


def twice(name: str) -> Change:
    return lambda hostile, pairs: [*pairs, *(pair for pair in pairs if pair[0] == name)]


def issuer(write: Callable[[str], str]) -> Change:
    return lambda hostile, pairs: list((dict(pairs) | {"iss": write(hostile.url)}).items())


CODES: dict[str, Change] = {
    "A1_no_state": without("state"),
    "A2_wrong_state": put(state="another"),
    "A2_empty_state": put(state=""),
    "A2_doubled_state": twice("state"),
    "A2_huge_state": put(state="s" * 64_000),
    "A7_error_without_state": lambda h, pairs: [("error", "access_denied"), ("iss", h.url)],
    "A8_error_and_code": lambda h, pairs: [("error", "access_denied"), *pairs],
    "A11_another_issuer": put(iss=LURE),
    "A21_code_with_signs": lambda h, pairs: [("code", h.token + "+/%&#= é"), *pairs[1:]],
    "S5_doubled_code": twice("code"),
    "S14_unknown_parameters": lambda h, pairs: [*pairs, ("x-more", "1")],
    "S16_hostile_description": lambda h, pairs: [
        ("error", "server_error"),
        ("error_description", "\x1b[31m<script>alert(1)</script>\u202e\r\nX: y"),
        ("error_uri", "javascript:alert(1)"),
        *pairs[1:],
    ],
    "S64_issuer_with_slash": issuer(lambda url: url + "/"),
    "S64_issuer_in_capitals": issuer(lambda url: url.replace("http", "HTTP")),
    "S64_doubled_issuer": twice("iss"),
    "S65_no_issuer": without("iss"),
}
TOKENS: dict[str, Change] = {
    "B7_refresh_token_in_fragment": put(refresh_token="never"),
    "B7_doubled_token": twice("access_token"),
    "B7_huge_value": put(padding="x" * 64_000),
    "B7_life_word": put(expires_in="abc"),
    "S17_type_mac": put(token_type="mac"),
}


def test_the_lists_here_name_every_answer_and_no_other() -> None:
    assert set(CODES) | set(TOKENS) == set(HOSTILE_AUTHORIZATIONS)
    assert set(METADATA) == set(HOSTILE_METADATA)


@pytest.mark.parametrize("name", list(CODES))
def test_a_bad_answer_with_a_code_is_as_its_line_says(hostile: HostileServer, name: str) -> None:
    assert answered(hostile, name, "code") == CODES[name](hostile, good(hostile))


@pytest.mark.parametrize("name", list(TOKENS))
def test_a_bad_answer_with_a_token_is_as_its_line_says(hostile: HostileServer, name: str) -> None:
    assert answered(hostile, name, "token") == TOKENS[name](hostile, good(hostile, "token"))


METADATA: dict[str, dict[str, object]] = {
    "good": {},
    "S34_only_plain_pkce": {"code_challenge_methods_supported": ["plain"]},
    "S67_another_issuer": {"issuer": LURE},
    "S67_issuer_with_slash": {"issuer": "{url}/"},
    "S67_issuer_in_capitals": {"issuer": "{URL}"},
    "S67_no_issuer": {"issuer": None},
    "S65_does_not_name_itself": {"authorization_response_iss_parameter_supported": False},
    "S68_http_endpoints": {
        "authorization_endpoint": "http://id.example.com/authorize",
        "token_endpoint": "http://id.example.com/token",
    },
    "S68_token_endpoint_elsewhere": {"token_endpoint": LURE + "/token"},
    "D7_script_endpoint": {"authorization_endpoint": "javascript:alert(1)"},
    "D7_file_endpoint": {"token_endpoint": "file:///etc/hostname"},
    "D8_endpoint_with_user": {"token_endpoint": "http://user:pass@{host}/token"},
    "C2_numbers": {"token_endpoint": 7},
    "C1_page": {},
    "C2_list": {},
    "C6_endless_body": {},
    "C10_redirect": {},
}
"""What differs from the good document; `None`: it is missing. The last four are no documents."""

NO_DOCUMENTS = ("C1_page", "C2_list", "C6_endless_body", "C10_redirect")


def metadata_url(hostile: HostileServer) -> str:
    return hostile.url + "/.well-known/oauth-authorization-server"


def filled(value: object, url: str) -> object:
    """The value with the server's origin put in."""
    if not isinstance(value, str):
        return value
    in_capitals, host = url.replace("http", "HTTP"), url.partition("://")[2]
    return value.replace("{url}", url).replace("{URL}", in_capitals).replace("{host}", host)


@pytest.mark.parametrize("name", [name for name in METADATA if name not in NO_DOCUMENTS])
def test_a_bad_document_differs_from_a_good_one_as_its_line_says(hostile: HostileServer, name: str) -> None:
    hostile.metadata = "good"
    url = metadata_url(hostile)
    expected = json.loads(exchange(url, request(url)).body)
    assert expected["issuer"] == hostile.url
    expected |= {field: filled(value, hostile.url) for field, value in METADATA[name].items()}
    hostile.metadata = name
    found = json.loads(exchange(url, request(url)).body)
    assert found == {field: value for field, value in expected.items() if value is not None}


def test_what_is_no_document_is_none_in_the_way_that_its_line_says(hostile: HostileServer) -> None:
    url = metadata_url(hostile)
    assert exchange(url, request(url)).status == 404
    hostile.metadata = "C1_page"
    assert "text/html" in exchange(url, request(url)).header("content-type")
    hostile.metadata = "C2_list"
    assert exchange(url, request(url)).body == b"[]"
    hostile.metadata = "C6_endless_body"
    assert exchange(url, request(url), most=1 << 22).ended == "full"
    hostile.metadata = "C10_redirect"
    assert exchange(url, request(url)).header("location") == LURE + "/.well-known/oauth-authorization-server"
