"""Requests, responses and stamps: what goes on the wire is exact, and nothing of it prints."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.messages import Request, Response, Stamp, encode_query, with_query
from authrecord.core.secret import Secret
from tests.canary_watch import Canary


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/a", "https://h/a?k=v%20w"),
        ("https://h/a?x=%2f+1", "https://h/a?x=%2f+1&k=v%20w"),
        ("https://h/a?", "https://h/a?k=v%20w"),
        ("https://h/a#f", "https://h/a?k=v%20w#f"),
    ],
)
def test_S4_a_query_that_a_url_already_holds_stays_byte_for_byte(url: str, expected: str) -> None:
    assert with_query(url, [("k", "v w")]) == expected
    assert with_query(url, []) == url


@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=12)), max_size=4))
def test_D5_names_and_values_of_a_query_survive_the_round_trip(pairs: list[tuple[str, str]]) -> None:
    encoded = encode_query(pairs)
    assert parse_qsl(encoded, keep_blank_values=True) == pairs
    assert parse_qsl(urlsplit(with_query("https://h/?a=1", pairs)).query, keep_blank_values=True)[1:] == pairs


def test_nothing_that_travels_prints_its_secret(canary: Canary) -> None:
    secret = Secret(canary("secret", alphabet="hard"))
    request = Request(
        "POST", "https://h/", query=(("q", secret),), headers=(("H", secret),), form=(("f", secret),)
    )
    stamp = Stamp(headers=(("H", secret),), query=(("q", secret),), cookies=(("c", secret),))
    response = Response(200, (), canary("body").encode())
    for printed in (repr(request), repr(stamp), repr(response)):
        canary.scan(printed, "repr")
    assert repr(stamp) == "Stamp(headers=['H'], query=['q'], cookies=['c'])"
    assert len(stamp.secrets()) == 3


def test_the_wire_gets_exactly_the_values(canary: Canary) -> None:
    value = canary("secret", alphabet="hard")
    request = Request(
        "POST",
        "https://h/?a=1",
        query=(("q", Secret(value)),),
        headers=(("H", Secret(value)),),
        form=(("f", Secret(value)),),
    )
    assert dict(parse_qsl(urlsplit(request.wire_url()).query))["q"] == value
    assert request.wire_headers() == [("H", value)]
    assert parse_qsl(request.wire_body().decode("ascii")) == [("f", value)]
    assert Request("GET", "https://h/").wire_body() == b""
    stamp = Stamp(cookies=(("a", Secret(value)), ("b", "2")))
    assert stamp.wire_cookies() == f"a={value}; b=2"
