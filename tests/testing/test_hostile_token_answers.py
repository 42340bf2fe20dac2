"""Each bad answer of the hostile token endpoint is served as its line says: looked at byte by byte."""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authrecord.testing import HOSTILE_ANSWERS, HostileServer
from tests.canary_watch import Canary
from tests.testing.raw import Answer, exchange, request

Check = Callable[[Answer, str], bool]
"""Whether an answer is what it should be, given the token that would be good."""

LURE = "http://127.0.0.1:9"


def good(answer: Answer, **changed: object) -> dict[str, Any]:
    """The JSON of the answer with `changed` put right."""
    return {**json.loads(answer.body), **changed}


def field(name: str, is_as: Callable[[Any], bool]) -> Check:
    """A good answer but for one field."""

    def check(answer: Answer, token: str) -> bool:
        found = json.loads(answer.body)
        rest = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        del rest[name]
        return answer.status == 200 and is_as(found.get(name)) and {**found, **rest} == found

    return check


def exactly(status: int, body: bytes) -> Check:
    return lambda answer, token: answer.status == status and answer.body == body


def error(status: int, code: str, **headers: str) -> Check:
    return lambda answer, token: (
        answer.status == status
        and json.loads(answer.body)["error"] == code
        and all(answer.header(name.replace("_", "-")) == value for name, value in headers.items())
    )


def redirects(status: int) -> Check:
    return lambda answer, token: answer.status == status and answer.header("location") == LURE + "/token"


def page(status: int) -> Check:
    return lambda answer, token: answer.status == status and "text/html" in answer.header("content-type")


def unpacks_to_300_mebibytes(answer: Answer, token: str) -> bool:
    """The content is small, says gzip, and unpacks to 300 MiB; unpacked a piece at a time."""
    unpacker, size = zlib.decompressobj(31), 0
    left = answer.body
    while left:
        size += len(unpacker.decompress(left, 1 << 20))
        left = unpacker.unconsumed_tail
    return len(answer.body) < 400_000 and size == 300 << 20 and answer.header("content-encoding") == "gzip"


def holds_the_token(answer: Answer, token: str) -> bool:
    return answer.status == 200 and bool(json.loads(answer.body)["access_token"] == token)


EXPECTED: dict[str, Check] = {
    "C1_html_login_page": page(200),
    "C2_empty_body": exactly(200, b""),
    "C2_list": exactly(200, b"[]"),
    "C2_string": exactly(200, b'"x"'),
    "C2_null": exactly(200, b"null"),
    "C2_byte_order_mark": lambda a, t: (
        a.body[:3] == b"\xef\xbb\xbf" and json.loads(a.body[3:])["access_token"] == t
    ),
    "C2_utf16": lambda a, t: json.loads(a.body.decode("utf-16"))["access_token"] == t,
    "C3_form_encoded": lambda a, t: (
        a.body.startswith(f"access_token={t}&".encode())
        and a.header("content-type") == "application/x-www-form-urlencoded"
    ),
    "C4_text_plain": lambda a, t: holds_the_token(a, t) and a.header("content-type") == "text/plain",
    "C4_no_content_type": lambda a, t: holds_the_token(a, t) and not a.header("content-type"),
    "C5_deep_nesting": exactly(200, b"[" * 100_000 + b"]" * 100_000),
    "C5_huge_number": lambda a, t: b'"expires_in": ' + b"9" * 5000 in a.body,
    "C5_many_keys": lambda a, t: a.body.count(b":") == 1_000_000 and a.body.endswith(b"}"),
    "C6_endless_body": lambda a, t: a.ended == "full" and a.header("transfer-encoding") == "chunked",
    "C6_one_gibibyte": lambda a, t: a.ended == "full" and a.header("content-length") == str(1 << 30),
    "C7_gzip_bomb": unpacks_to_300_mebibytes,
    "C8_slow_body": lambda a, t: a.ended == "full" and a.status == 200 and set(a.body) <= {32},
    "C8_slow_head": lambda a, t: a.ended == "full" and b"\r\n\r\n" not in a.raw and b"x-0: 1\r\n" in a.raw,
    "C8_silence": lambda a, t: a.ended == "open" and not a.raw,
    "C9_reset": lambda a, t: a.ended == "reset" and not a.raw,
    "C9_half_an_answer": lambda a, t: a.ended == "reset" and a.body in {b'{"access_', b""},
    "C12_life_as_text": field("expires_in", lambda life: life == "3600"),
    "C12_life_as_fraction": field("expires_in", lambda life: life == 3599.9),
    "C13_life_zero": field("expires_in", lambda life: life == 0 and life is not False),
    "C13_life_negative": field("expires_in", lambda life: life == -1),
    "C14_life_infinite": lambda a, t: b'"expires_in": 1e400' in a.body and holds_the_token(a, t),
    "C14_life_nan": field("expires_in", math.isnan),
    "C14_life_of_ages": field("expires_in", lambda life: life == 10**30),
    "C14_life_true": field("expires_in", lambda life: life is True),
    "C14_life_word": field("expires_in", lambda life: life == "soon"),
    "C14_life_list": field("expires_in", lambda life: life == []),
    "C14_life_null": lambda a, t: b'"expires_in": null' in a.body and holds_the_token(a, t),
    "C15_no_life": lambda a, t: holds_the_token(a, t) and b"expires_in" not in a.body,
    "C16_no_token_type": lambda a, t: holds_the_token(a, t) and b"token_type" not in a.body,
    "C17_type_mac": field("token_type", lambda kind: kind == "mac"),
    "C17_type_dpop": field("token_type", lambda kind: kind == "DPoP"),
    "C18_token_number": field("access_token", lambda value: value == 7),
    "C18_token_null": lambda a, t: b'"access_token": null' in a.body,
    "C18_token_empty": field("access_token", lambda value: value == ""),
    "C18_token_object": field("access_token", lambda value: value == {"value": 1}),
    "C18_no_token": lambda a, t: b"access_token" not in a.body and b"Bearer" in a.body,
    "C19_token_with_line_break": field("access_token", lambda value: value.endswith("\r\nX-Evil: 1")),
    "C19_token_with_nul": field("access_token", lambda value: value.endswith("\0")),
    "C19_token_with_space": field("access_token", lambda value: value.endswith(" x")),
    "C19_token_not_ascii": field("access_token", lambda value: value.endswith("é")),
    "C20_duplicate_keys": lambda a, t: a.body.count(b'"access_token"') == 2 and t.encode() in a.body,
    "C21_nested_token": lambda a, t: json.loads(a.body)["data"]["access_token"] == t,
    "C22_error_with_200": error(200, "invalid_scope"),
    "C22_ok_false": lambda a, t: a.status == 200 and json.loads(a.body) == {"ok": False},
    "C23_invalid_grant": error(400, "invalid_grant"),
    "C24_invalid_client": error(401, "invalid_client"),
    "C25_too_many_requests": error(429, "temporarily_unavailable", retry_after="7"),
    "C25_unavailable_till_a_date": error(
        503, "temporarily_unavailable", retry_after="Fri, 31 Dec 2100 23:59:59 GMT"
    ),
    "C25_unavailable_since_a_date": error(
        503, "temporarily_unavailable", retry_after="Fri, 31 Dec 1999 23:59:59 GMT"
    ),
    "C25_unavailable_for_less_than_nothing": error(503, "temporarily_unavailable", retry_after="-1"),
    "C25_unavailable_for_ages": error(503, "temporarily_unavailable", retry_after="1000000000"),
    "C25_garbled_retry_after": error(503, "temporarily_unavailable", retry_after="soon"),
    "C26_server_error": page(500),
    "C26_bad_gateway": page(502),
    "C26_gateway_timeout": page(504),
    "C27_scope_list": lambda a, t: (
        holds_the_token(a, t) and good(a)["scope"] == ["a", "b"] and good(a)["refresh_token"] is None
    ),
    "C28_hostile_description": lambda a, t: (
        {"\x1b", "\u202e", "<", "\r"} <= set(json.loads(a.body)["error_description"])
        and len(a.body) > 200_000
    ),
    "C28_hostile_error": lambda a, t: {"\x1b", "\u202e", "<", "\n"} <= set(json.loads(a.body)["error"]),
    "C29_echo": lambda a, t: "the-body-of-the-request" in json.loads(a.body)["error_description"],
    "C30_cookie": lambda a, t: holds_the_token(a, t) and a.header("set-cookie").startswith("session=1"),
    "C31_garbage_behind": lambda a, t: a.body.endswith(b"}garbage"),
    **{
        f"C{10 if status < 307 else 11}_redirect_{status}": redirects(status)
        for status in (301, 302, 303, 307, 308)
    },
}

SLOW = {"C8_slow_body": 200, "C8_slow_head": 100}
"""Where a few bytes are enough to see."""

LONG = {"C5_many_keys": 1 << 24, "C6_endless_body": 1 << 23, "C6_one_gibibyte": 1 << 23}


@pytest.fixture
def hostile(canary: Canary) -> Iterator[HostileServer]:
    with HostileServer(token=canary("token"), lure=LURE) as one:
        yield one


def test_the_list_here_names_every_answer_and_no_other() -> None:
    assert set(EXPECTED) == set(HOSTILE_ANSWERS)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_bad_answer_is_served_as_its_line_says(hostile: HostileServer, name: str) -> None:
    hostile.token_answer = name
    sent = request(hostile.token_url, method="POST", body=b"say=the-body-of-the-request")
    answer = exchange(hostile.token_url, sent, most=SLOW.get(name, LONG.get(name, 1 << 20)))
    assert EXPECTED[name](answer, hostile.token)


def test_a_slow_answer_comes_in_drops(hostile: HostileServer) -> None:
    hostile.token_answer = "C8_slow_body"
    began = time.monotonic()
    exchange(hostile.token_url, request(hostile.token_url, method="POST"), most=80)
    assert time.monotonic() - began > 0.05


def test_without_a_switch_the_answer_is_good(hostile: HostileServer) -> None:
    answer = exchange(hostile.token_url, request(hostile.token_url, method="POST"))
    assert holds_the_token(answer, hostile.token)


def test_every_byte_is_recorded_also_of_what_is_no_http(hostile: HostileServer) -> None:
    sent = request(
        hostile.token_url, method="POST", headers="x-one: two\r\nconnection: close\r\n", body=b"a=1"
    )
    exchange(hostile.token_url, sent)
    assert hostile.bytes_received == sent
    assert hostile.requests[0].header("x-one") == "two"
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"
    assert exchange(hostile.token_url, hello).status == 400
    assert hostile.bytes_received == sent + hello
    assert len(hostile.requests) == 1


def test_a_name_that_is_in_no_table_is_refused_when_it_is_set(hostile: HostileServer) -> None:
    with pytest.raises(ValueError, match="C7_gzip_bomb"):
        hostile.token_answer = "C7_gzip_bom"
    assert hostile.token_answer == ""
