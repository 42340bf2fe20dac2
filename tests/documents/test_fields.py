"""What each field may hold: attack group D, and the rows of RFC 6749 about endpoints and parameters."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.messages import Outgoing, encode_query
from authrecord.core.secret import Reference, Secret
from authrecord.record import OAuth2
from authrecord.schemes.bearer import Bearer, BearerScheme
from tests.canary_watch import Canary
from tests.documents.examples import api_key, bearer, faults_of, oauth2, paths_of, record

BAD_IN_HEADERS = ["a\rb", "a\nb", "a\x00b", " a", "a ", "a\x7f", "a\x80", "a\u00e9", "a\tb", "\n"]


@pytest.mark.parametrize("bad", BAD_IN_HEADERS)
def test_D1_D2_a_value_that_a_header_must_not_have_is_refused_without_being_shown(
    bad: str, canary: Canary
) -> None:
    secret = canary("token")
    value = bad.replace("a", secret)
    documents = [
        (bearer(token=value), "auth.token"),
        (api_key(value=value), "auth.value"),
        (_with_parameter({"key": "X-A", "value": value, "send_in": "header"}), f"{_PARAMETERS}[0].value"),
        (
            _with_parameter({"key": "X-A", "value": value, "send_in": "header", "sensitive": True}),
            f"{_PARAMETERS}[0].value",
        ),
    ]
    for data, path in documents:
        faults = faults_of(data)
        assert [fault.path for fault in faults] == [path]
        canary.scan(repr(faults), "faults")


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a:b", "a\rb", "a\nb", "\u00e9", ":path", "Host", "content-length", "Transfer-Encoding", "connection",
     "Cookie", "TE", "Trailer", "Upgrade", "Proxy-Authorization", "x" * 300],
)  # fmt: skip
def test_D3_a_header_name_that_is_none_or_belongs_to_the_connection_is_refused(name: str) -> None:
    assert paths_of(api_key(key=name)) == ["auth.key"]
    usage = oauth2("client_credentials", {"token_usage": {"header_name": name}})
    assert paths_of(usage) == ["auth.token_usage.header_name"]
    assert paths_of(_with_parameter({"key": name, "value": "x", "send_in": "header"})) == [
        f"{_PARAMETERS}[0].key"
    ]


def test_D3_a_cookie_is_allowed_in_cookie_mode_and_checked_as_one() -> None:
    assert record(api_key(key="session", send_in="cookie")).auth.type == "api_key"
    assert paths_of(api_key(key="a;b", send_in="cookie")) == ["auth.key"]
    assert paths_of(api_key(value="a;b", send_in="cookie")) == ["auth.value"]


@pytest.mark.parametrize("prefix", ["Bearer\r\nX:", "a\x00", " a", "a ", "\u00e9", "x" * 101])
def test_D4_a_prefix_that_could_break_a_header_is_refused(prefix: str) -> None:
    assert paths_of(bearer(prefix=prefix)) == ["auth.prefix"]
    usage = oauth2("client_credentials", {"token_usage": {"header_prefix": prefix}})
    assert paths_of(usage) == ["auth.token_usage.header_prefix"]


def test_D4_a_prefix_with_braces_is_text_and_an_empty_one_is_allowed(canary: Canary) -> None:
    secret = canary("token")
    auth = record(bearer(prefix="{0} {token} %s", token=secret)).auth
    assert isinstance(auth, Bearer)
    assert isinstance(auth.token, Secret)
    ((name, value),) = (
        BearerScheme(auth.prefix, auth.token).stamp(Outgoing("GET", "https://a"), None).wire_headers()
    )
    assert (name, value == "{0} {token} %s " + secret) == ("Authorization", True)
    assert record(bearer(prefix="")).auth == Bearer(prefix="", token=Reference("env", "TOKEN"))


@pytest.mark.parametrize("name", ["a&b", "a=b", "a#b", "a[]", "schl\u00fcssel", "a b", "%41"])
def test_D5_a_query_name_is_kept_and_encoded_as_one_name(name: str) -> None:
    auth = record(api_key(key=name, send_in="query")).auth
    assert auth.key == name  # type: ignore[union-attr]  # it is an ApiKey
    assert parse_qsl(encode_query([(name, "1")])) == [(name, "1")]
    assert paths_of(api_key(key="a\n", send_in="query")) == ["auth.key"]
    assert paths_of(api_key(key="", send_in="query")) == ["auth.key"]


@pytest.mark.parametrize("value", ["{{7*7}}", "${env}", "__class__", "%(x)s", "{0.__class__}", "", "$x"])
def test_D6_a_parameter_value_that_looks_like_a_template_stays_as_it_is(value: str) -> None:
    auth = record(_with_parameter({"key": "a", "value": value})).auth
    assert isinstance(auth, OAuth2)
    assert auth.token_exchange.parameters[0].value == value


def test_D6_a_sensitive_value_with_a_mistyped_reference_is_refused() -> None:
    data = _with_parameter({"key": "a", "value": "${evn:X}", "sensitive": True})
    assert paths_of(data) == [f"{_PARAMETERS}[0].value"]


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "file:///etc/passwd", "ftp://a/b", "data:,x", "unix:/a", "/relative", "token", "https://",
     "https:///a", "//a/b", "wss://a/b", "ws://127.0.0.1/"],
)  # fmt: skip
def test_D7_an_endpoint_that_is_not_an_absolute_https_url_is_refused(url: str) -> None:
    _check_endpoints_refuse(url)


@pytest.mark.parametrize("url", ["https://u:p@as/", "https://u@as/", "http://localhost:80@attacker.test/cb"])
def test_D8_user_information_in_an_endpoint_is_refused(url: str) -> None:
    _check_endpoints_refuse(url)
    callback = oauth2("authorization_code", {"authorization.callback_url": url})
    assert paths_of(callback) == ["auth.authorization.callback_url"]
    assert paths_of({**bearer(), "allowed_origins": [url]}) == ["allowed_origins[0]"]


@pytest.mark.parametrize(
    "url", ["https://api.example.com\\@evil/", "https://a b/", "https://a\x00/", "https://a/\n"]
)
def test_D9_an_endpoint_that_parsers_disagree_about_is_refused(url: str) -> None:
    _check_endpoints_refuse(url)
    assert paths_of({**bearer(), "allowed_origins": [url]}) == ["allowed_origins[0]"]


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f000001", "2130706433", "api\u3002example\u3002com", "[::1", "a..b"]
)
def test_D10_a_host_in_an_odd_form_is_refused(host: str) -> None:
    _check_endpoints_refuse(f"https://{host}/token")
    assert paths_of({**bearer(), "allowed_origins": [f"https://{host}"]}) == ["allowed_origins[0]"]


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "..",
        ".",
        "a\x00",
        "x" * 101,
        "x" * 10_240,
        "\U0001f600",
        "a\u202eb",
        "",
        "a b",
        "n\u00e4me",
        "a\n",
    ],
)
def test_D14_a_record_name_outside_the_allowed_set_is_refused(name: str) -> None:
    assert paths_of({**bearer(), "name": name}) == ["name"]


@pytest.mark.parametrize(
    "origin", ["*", "https://*", "https://*.com", "https://a.*.b", "https://a/b", "api.example.com"]
)
def test_an_allowed_origin_that_is_too_wide_or_no_origin_is_refused(origin: str) -> None:
    assert paths_of({**bearer(), "allowed_origins": ["https://a.example", origin]}) == ["allowed_origins[1]"]


def test_S4_a_query_in_an_endpoint_is_kept_and_a_fragment_refused() -> None:
    url = "https://as.example.com/authorize?tenant=7"
    auth = record(oauth2("authorization_code", {"authorization.url": url})).auth
    assert isinstance(auth, OAuth2)
    assert auth.authorization.url == url
    _check_endpoints_refuse("https://as.example.com/a#x")
    _check_endpoints_refuse("https://as.example.com/a#")


@pytest.mark.parametrize(
    "name",
    [
        "state",
        "client_id",
        "redirect_uri",
        "code_challenge",
        "response_type",
        "scope",
        "request",
        "response_mode",
    ],
)
def test_S5_a_custom_authorization_parameter_that_the_protocol_owns_is_refused(name: str) -> None:
    data = oauth2("authorization_code", {"authorization.parameters": [{"key": name, "value": "x"}]})
    assert paths_of(data) == ["auth.authorization.parameters[0].key"]


@pytest.mark.parametrize("group", ["token_exchange", "token_refresh"])
@pytest.mark.parametrize("place", ["body", "query"])
@pytest.mark.parametrize(
    "name", ["grant_type", "code", "client_secret", "code_verifier", "refresh_token", "client_assertion"]
)
def test_S5_a_custom_token_parameter_that_the_protocol_owns_is_refused(
    group: str, place: str, name: str
) -> None:
    parameter = {"key": name, "value": "x", "send_in": place}
    data = oauth2("authorization_code", {f"{group}.parameters": [parameter]})
    assert paths_of(data) == [f"auth.{group}.parameters[0].key"]
    assert record(_with_parameter({"key": name, "value": "x", "send_in": "header"})).name == "orders"


@pytest.mark.parametrize("name", ["Authorization", "content-type", "Content-Length", "host"])
def test_S5_a_header_of_the_token_request_that_is_ours_is_refused(name: str) -> None:
    assert paths_of(_with_parameter({"key": name, "value": "x", "send_in": "header"})) == [
        f"{_PARAMETERS}[0].key"
    ]


def test_S5_a_parameter_that_stands_twice_in_one_place_is_refused() -> None:
    twice = [
        {"key": "a", "value": "1"},
        {"key": "a", "value": "2"},
        {"key": "a", "value": "3", "send_in": "query"},
    ]
    assert paths_of(oauth2("password", {"token_exchange.parameters": twice})) == [f"{_PARAMETERS}[1].key"]


def test_an_authorization_parameter_is_always_a_query_parameter() -> None:
    parameter = {"key": "audience", "value": "x"}
    auth = record(oauth2("implicit", {"authorization.parameters": [parameter]})).auth
    assert isinstance(auth, OAuth2)
    assert auth.authorization.parameters[0].send_in == "query"
    data = oauth2("implicit", {"authorization.parameters": [{**parameter, "send_in": "body"}]})
    assert paths_of(data) == ["auth.authorization.parameters[0].send_in"]


_LETTERS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='#\\"<>^`{|}@'), max_size=30
)


@given(scheme=st.sampled_from(["https", "http", "com.example.app", "my-app"]), rest=_LETTERS)
def test_S6_a_callback_url_is_absolute_without_fragment_and_kept_byte_for_byte(
    scheme: str, rest: str
) -> None:
    url = f"{scheme}://example.com/{rest}" if scheme.startswith("http") else f"{scheme}:/{rest}"
    auth = record(oauth2("authorization_code", {"authorization.callback_url": url})).auth
    assert isinstance(auth, OAuth2)
    assert auth.authorization.callback_url == url
    for bad in (url + "#", url + "#x", url[len(scheme) :], "/" + rest, "javascript:" + rest):
        data = oauth2("authorization_code", {"authorization.callback_url": bad})
        assert paths_of(data) == ["auth.authorization.callback_url"]


def test_S24_plain_http_is_refused_unless_it_is_loopback_or_allowed_by_name() -> None:
    for path, where in _ENDPOINTS:
        _check_fault(oauth2("authorization_code", {path: "http://as.example.com/x"}), where)
        assert record(oauth2("authorization_code", {path: "http://127.0.0.1:9/x"})).name == "orders"
        allowed = {path: "http://as.example.com/x", "allow_insecure": True}
        assert record(oauth2("authorization_code", allowed)).name == "orders"


@pytest.mark.parametrize("scope", ["a  b", " a", "a ", 'a"b', "a\\b", "a\tb", "\u00e9"])
def test_a_scope_outside_the_characters_of_rfc_6749_is_refused(scope: str) -> None:
    assert paths_of(oauth2("password", {"token_exchange.scope": scope})) == ["auth.token_exchange.scope"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("authorization.use_browser", "yes"),
        ("authorization.pkce", "plain"),
        ("authorization.state", "a\u00e9"),
        ("token_exchange.token_pointer", "a/b"),
        ("token_exchange.token_pointer", "/a~2"),
        ("credentials.assertion_algorithm", "none"),
        ("credentials.client_id", ""),
        ("credentials.client_id", "a\nb"),
        ("credentials.client_secret", "${vault:x}"),
        ("credentials.client_secret", "${env:}"),
        ("issuer", "https://as.example.com/?x=1"),
        ("token_exchange.client_authentication", "digest"),
        ("token_exchange.expired_pattern", ["x"]),
    ],
)
def test_a_value_that_breaks_the_rule_of_its_field_is_refused(path: str, value: object) -> None:
    assert paths_of(oauth2("authorization_code", {path: value})) == [f"auth.{path}"]


def test_an_empty_client_secret_is_a_public_client_and_is_never_kept() -> None:
    auth = record(oauth2("authorization_code", {"credentials.client_secret": ""})).auth
    assert isinstance(auth, OAuth2)
    assert auth.credentials.client_secret is None


def test_a_sensitive_client_id_is_sealed_and_another_is_not() -> None:
    sealed = record(oauth2("implicit", {"credentials.client_id_sensitive": True})).auth
    plain = record(oauth2("implicit")).auth
    referred = record(oauth2("implicit", {"credentials.client_id": "${env:ID}"})).auth
    assert isinstance(sealed, OAuth2)
    assert isinstance(plain, OAuth2)
    assert isinstance(referred, OAuth2)
    assert isinstance(sealed.credentials.client_id, Secret)
    assert plain.credentials.client_id == "scanner"
    assert referred.credentials.client_id == Reference("env", "ID")


_PARAMETERS = "auth.token_exchange.parameters"
_ENDPOINTS = [
    (path, f"auth.{path}")
    for path in ("authorization.url", "token_exchange.url", "token_refresh.url", "issuer")
]


def _with_parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    return oauth2("client_credentials", {"token_exchange.parameters": [parameter]})


def _check_endpoints_refuse(url: str) -> None:
    for path, where in _ENDPOINTS:
        _check_fault(oauth2("authorization_code", {path: url}), where)


def _check_fault(data: dict[str, Any], where: str) -> None:
    assert paths_of(data) == [where]
