"""Every bad answer of the hostile server, over the wire, against the real sender and the real grants: the C rows."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from authrecord.clients.sender import TokenSender
from authrecord.core.errors import AuthrecordError, BadAnswer, Misconfigured, Refused, TryLater
from authrecord.core.secret import Secret
from authrecord.core.token import Token
from authrecord.grants.client_credentials import obtain
from authrecord.keeper.run import run
from authrecord.testing import HOSTILE_ANSWERS, HostileServer
from tests.canary_watch import Canary
from tests.grants.drive import client, means

GOOD = {
    "C2_byte_order_mark",
    "C4_text_plain",
    "C4_no_content_type",
    "C12_life_as_text",
    "C12_life_as_fraction",
    "C13_life_zero",
    "C13_life_negative",
    "C14_life_infinite",
    "C14_life_nan",
    "C14_life_of_ages",
    "C14_life_true",
    "C14_life_word",
    "C14_life_list",
    "C14_life_null",
    "C15_no_life",
    "C27_scope_list",
    "C30_cookie",
}
"""The answers that bring a token all the same."""

TRANSIENT = {
    "C8_slow_body",
    "C8_slow_head",
    "C8_silence",
    "C9_reset",
    "C9_half_an_answer",
    "C25_too_many_requests",
    "C25_unavailable_till_a_date",
    "C25_unavailable_since_a_date",
    "C25_unavailable_for_less_than_nothing",
    "C25_unavailable_for_ages",
    "C25_garbled_retry_after",
    "C26_server_error",
    "C26_bad_gateway",
    "C26_gateway_timeout",
}
OTHERS = {
    "C22_error_with_200": Refused,
    "C22_ok_false": Refused,
    "C23_invalid_grant": Refused,
    "C24_invalid_client": Misconfigured,
    "C28_hostile_description": Refused,
    "C28_hostile_error": Refused,
    "C29_echo": Refused,
}
DEADLINE = 1.5
"""Seconds for one call in these tests; 15 in the product."""


@pytest.fixture
def hostile(canary: Canary) -> Iterator[HostileServer]:
    with HostileServer(token=canary("token")) as one:
        yield one


@pytest.fixture
def send() -> Iterator[TokenSender]:
    one = TokenSender(clock=time, deadline=DEADLINE)
    yield one
    one.close()


def token_of(hostile: HostileServer, send: TokenSender, secret: str) -> Token:
    one = client(token_url=hostile.token_url, client_secret=Secret(secret), authentication="body")
    return run(obtain(one, means()), send)


@pytest.mark.parametrize("name", [name for name in HOSTILE_ANSWERS if name not in GOOD])
def test_C_each_bad_answer_is_a_typed_error_that_shows_nothing(
    hostile: HostileServer, send: TokenSender, canary: Canary, name: str
) -> None:
    hostile.token_answer = name
    hostile.lure = "http://127.0.0.1:9"
    began = time.monotonic()
    with pytest.raises(AuthrecordError) as caught:
        token_of(hostile, send, canary("client_secret"))
    expected = TryLater if name in TRANSIENT else OTHERS.get(name, BadAnswer)
    assert isinstance(caught.value, expected)
    assert time.monotonic() - began < 10 * DEADLINE
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", sorted(GOOD))
def test_C_each_odd_answer_that_holds_a_token_brings_it(
    hostile: HostileServer, send: TokenSender, canary: Canary, name: str
) -> None:
    hostile.token_answer = name
    assert token_of(hostile, send, canary("client_secret")).access_token == Secret(hostile.token)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_C10_C11_the_target_of_a_redirect_sees_not_one_byte(
    hostile: HostileServer, send: TokenSender, canary: Canary, status: int
) -> None:
    with HostileServer(token=canary("stolen")) as thief:
        hostile.lure = thief.url
        hostile.token_answer = f"C{10 if status < 307 else 11}_redirect_{status}"
        with pytest.raises(BadAnswer):
            token_of(hostile, send, canary("client_secret"))
        assert thief.everything_received == ""


def test_C30_a_cookie_of_the_token_endpoint_is_not_sent_back(
    hostile: HostileServer, send: TokenSender, canary: Canary
) -> None:
    hostile.token_answer = "C30_cookie"
    for _ in range(2):
        token_of(hostile, send, canary("client_secret"))
    assert len(hostile.requests) == 2
    assert "session=1" not in hostile.everything_received


def test_every_hostile_answer_is_explained_in_one_line() -> None:
    for name, answer in HOSTILE_ANSWERS.items():
        assert answer.explanation, name
        assert "\n" not in answer.explanation
