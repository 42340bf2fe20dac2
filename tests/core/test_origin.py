"""Origins: one canonical form, everything that parsers disagree about is refused, and `release` is the only door."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.errors import OriginRefused
from authrecord.core.origin import (
    AllowedOrigins,
    Origin,
    allowed_origin,
    allowed_origins,
    canonical_host,
    insecure_for_secrets,
    origin_of,
    release,
)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example.com/x?y#z", "https://api.example.com"),
        ("HTTPS://API.EXAMPLE.COM.:443/", "https://api.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://[2001:DB8:0:0::1]:8443/x", "https://[2001:db8::1]:8443"),
        ("wss://api.example.com/socket", "https://api.example.com"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_has_one_canonical_form(url: str, origin: str) -> None:
    assert str(origin_of(url)) == origin


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://host/x",
        "data:text/plain,x",
        "unix:/run/x",
        "/relative",
        "https://",
        "https:///path",
        "//host/x",
        "",
        "https://host:port/",
        "https://host:99999/",
    ],
)
def test_D7_only_absolute_http_urls_with_a_host_have_an_origin(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|host|port"):
        origin_of(url)


@pytest.mark.parametrize(
    "url", ["https://user:pass@host/", "https://user@host/", "http://localhost:80@attacker.test/cb"]
)
def test_D8_user_information_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="user name"):
        origin_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com\\@evil/",
        "https://api.example.com\\.evil/",
        "https://api.example.com\t.evil/",
        "https://api.exa\nmple.com/",
        " https://api.example.com/",
        "https://bücher.example/",
        "https://api。example。com/",
        "https://api.example.com%2eevil/",
        "https://a..b/",
    ],
)
def test_D9_what_parsers_disagree_about_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"holds|host"):
        origin_of(url)


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f000001", "2130706433", "127.0.0.01", "1.2.3.4.5", "256.1.1.1", "0x7f.0.0.1"]
)
def test_D10_odd_forms_of_an_ipv4_address_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match="IPv4"):
        canonical_host(host)


def test_D10_other_forms_of_a_host_are_made_canonical() -> None:
    assert canonical_host("API.EXAMPLE.COM.") == "api.example.com"
    assert canonical_host("[::FFFF:169.254.169.254]") == "[::ffff:a9fe:a9fe]"
    assert canonical_host("[0:0:0:0:0:0:0:1]") == "[::1]"
    assert canonical_host("::1") == "[::1]"


def test_D11_allowed_origins_are_exact_and_never_a_prefix_or_an_expression() -> None:
    allowed = allowed_origins(["https://api.example.com"])
    assert origin_of("https://api.example.com/x") in allowed
    for other in (
        "https://api.example.com.evil.test",
        "https://api.example.comx",
        "https://xapi.example.com",
        "https://apixexample.com",
        "http://api.example.com",
        "https://api.example.com:8443",
        "https://sub.api.example.com",
    ):
        assert origin_of(other) not in allowed


def test_a_star_stands_for_one_label_or_more_below_a_name() -> None:
    allowed = allowed_origins(["https://*.example.com"])
    assert origin_of("https://a.example.com") in allowed
    assert origin_of("https://a.b.example.com") in allowed
    for other in (
        "https://example.com",
        "https://aexample.com",
        "http://a.example.com",
        "https://a.example.com:444",
    ):
        assert origin_of(other) not in allowed


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "https://*",
        "https://*.com",
        "https://a.*.com",
        "https://api.*",
        "*://x.test",
        "https://*.127.0.0.1",
        "https://*.[::1]",
    ],
)
def test_a_star_that_would_send_the_credential_anywhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\*|URL|host"):
        allowed_origin(text)


@pytest.mark.parametrize("text", ["https://h/path", "https://h?x", "https://h#x", "https://h/x/"])
def test_an_allowed_origin_has_no_path_query_or_fragment(text: str) -> None:
    with pytest.raises(ValueError, match=r"without a path"):
        allowed_origin(text)


def test_E4_E8_a_sub_domain_and_another_scheme_are_other_origins() -> None:
    allowed = allowed_origins(["http://example.com"])
    for other in ("http://sub.example.com", "https://example.com", "http://example.com:8080"):
        with pytest.raises(OriginRefused) as refused:
            release("orders", allowed, origin_of(other))
        assert "allowed_origins" in str(refused.value)
    assert release("orders", allowed, origin_of("http://EXAMPLE.com:80/x")) == Origin(
        "http", "example.com", 80
    )


def test_nothing_is_released_to_anybody_by_an_empty_list() -> None:
    assert not AllowedOrigins()
    with pytest.raises(OriginRefused):
        release("orders", AllowedOrigins(), origin_of("https://api.example.com"))


def test_S24_plain_http_is_insecure_but_on_loopback() -> None:
    assert insecure_for_secrets("http://id.example.com/token")
    for fine in (
        "https://id.example.com",
        "http://127.0.0.1:1/x",
        "http://localhost:1",
        "http://[::1]:1",
        "http://127.8.9.1",
    ):
        assert not insecure_for_secrets(fine)
    assert insecure_for_secrets("http://127.0.0.1.evil.test/")


@given(st.text(max_size=60))
def test_any_text_gives_an_origin_or_a_clear_refusal(text: str) -> None:
    try:
        origin = origin_of(text)
    except ValueError as refusal:
        assert len(text) < 8 or text not in str(refusal)
    else:
        assert origin_of(str(origin)) == origin


@given(
    st.sampled_from(["http", "https"]),
    st.from_regex(
        r"\A[a-zA-Z0-9]([a-zA-Z0-9-]{0,10}[a-zA-Z0-9])?(\.[a-zA-Z][a-zA-Z0-9-]{0,8}[a-zA-Z]){1,3}\Z"
    ),
    st.integers(1, 65535),
)
def test_our_parser_and_the_standard_library_see_the_same_host(scheme: str, host: str, port: int) -> None:
    url = f"{scheme}://{host}:{port}/path"
    assert origin_of(url).host == urlsplit(url).hostname
    assert origin_of(url).port == port
