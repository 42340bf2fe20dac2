"""A request to the token endpoint: POST, over TLS, custom parameters in their places."""

from __future__ import annotations

import pytest

from authrecord.core.errors import RecordFault
from authrecord.core.secret import Secret
from authrecord.grants.client import ResolvedParameter
from authrecord.grants.endpoint import check_endpoint, token_request
from tests.canary_watch import Canary
from tests.grants.drive import client, form, headers, means


def test_S9_a_token_request_is_a_post_of_a_form() -> None:
    request = token_request(client(), means(), "https://id.example.com/token", (("grant_type", "x"),), ())
    assert request.method == "POST"
    assert headers(request)["content-type"] == "application/x-www-form-urlencoded"
    assert headers(request)["accept"] == "application/json"
    assert form(request)["grant_type"] == "x"


def test_custom_parameters_go_where_the_record_says(canary: Canary) -> None:
    values = {
        place: canary(place, alphabet="hard" if place != "header" else "plain")
        for place in ("header", "query", "body")
    }
    custom = tuple(ResolvedParameter(f"x-{place}", Secret(value), place) for place, value in values.items())
    request = token_request(
        client(), means(), "https://id.example.com/token?tenant=7", (("grant_type", "x"),), custom
    )
    assert headers(request)["x-header"] == values["header"]
    assert form(request)["x-body"] == values["body"]
    assert request.wire_url().startswith("https://id.example.com/token?tenant=7&x-query=")
    canary.scan(repr(request), "repr")


def test_a_custom_accept_takes_the_place_of_ours() -> None:
    custom = (ResolvedParameter("ACCEPT", "application/vnd.api+json", "header"),)
    request = token_request(client(), means(), "https://id.example.com/token", (), custom)
    assert [value for name, value in request.wire_headers() if name.lower() == "accept"] == [
        "application/vnd.api+json"
    ]


def test_S52_resource_indicators_may_repeat() -> None:
    one = client(resource=("https://a.example.com", "https://b.example.com"))
    request = token_request(one, means(), "https://id.example.com/token", (), ())
    assert request.wire_body().decode().count("resource=") == 2


def test_S24_a_token_url_without_tls_is_refused_beyond_loopback() -> None:
    for insecure in ("http://id.example.com/token", "http://10.0.0.1/token"):
        with pytest.raises(RecordFault) as fault:
            check_endpoint(insecure, "Access Token URL", allow_insecure=False)
        assert fault.value.code == "insecure_url"
        check_endpoint(insecure, "Access Token URL", allow_insecure=True)
    check_endpoint("http://127.0.0.1:9/token", "Access Token URL", allow_insecure=False)


@pytest.mark.parametrize("url", ["", "relative", "https://u:p@host/", "javascript:x"])
def test_an_endpoint_that_is_missing_or_malformed_is_named_by_its_label(url: str) -> None:
    with pytest.raises(RecordFault, match="Access Token URL"):
        check_endpoint(url, "Access Token URL", allow_insecure=True)
