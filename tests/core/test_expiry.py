"""What counts as "expired": a bare 401, `invalid_token` anywhere, the record's own pattern in any status."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.expiry import (
    BODY_BYTES,
    Expired,
    by_pattern,
    by_status,
    challenge_error,
    what_the_pattern_sees,
)


@pytest.mark.parametrize(
    ("status", "challenges", "verdict"),
    [
        (401, [], Expired.STATUS),
        (401, ["Bearer"], Expired.STATUS),
        (401, ['Bearer realm="x"'], Expired.STATUS),
        (401, ['Bearer error="invalid_token"'], Expired.INVALID_TOKEN),
        (
            400,
            ['Bearer realm="a, b", error="invalid_token", error_description="x=y, error=\\"z\\""'],
            Expired.INVALID_TOKEN,
        ),
        (403, ["Bearer error=invalid_token"], Expired.INVALID_TOKEN),
        (401, ["Basic realm=x", 'Bearer error="invalid_token"'], Expired.INVALID_TOKEN),
        (200, [], None),
        (403, [], None),
        (400, ['Bearer error="invalid_request"'], None),
    ],
)
def test_S31_status_and_challenge_decide(status: int, challenges: list[str], verdict: Expired | None) -> None:
    assert by_status(status, challenges) is verdict


def test_G15_insufficient_scope_is_not_expired_whatever_the_status() -> None:
    assert by_status(401, ['Bearer error="insufficient_scope", scope="a b"']) is None
    assert by_status(403, ['Bearer error="insufficient_scope"']) is None


def test_G16_a_redirect_to_a_login_page_can_match_by_its_location() -> None:
    seen = what_the_pattern_sees(
        302, "Found", [(b"location", b"https://id.example.com/login?expired=1")], b""
    )
    assert by_pattern(lambda text: b"login?expired" in text, seen) is Expired.PATTERN


def test_G14_a_pattern_may_match_in_an_answer_of_any_status() -> None:
    body = b'{"errors":[{"message":"token has expired"}]}'
    for status in (200, 302, 400, 403, 500):
        seen = what_the_pattern_sees(status, "", [], body)
        assert by_pattern(lambda text: b"token has expired" in text, seen) is Expired.PATTERN
    assert by_pattern(None, body) is None


def test_G6_the_pattern_sees_bytes_that_are_no_text() -> None:
    seen = what_the_pattern_sees(200, "", [(b"x", b"\xff")], b"\xff\xfe\x00expired")
    assert b"\xff\xfe\x00expired" in seen


def test_G8_what_lies_beyond_64_kib_is_not_seen() -> None:
    seen = what_the_pattern_sees(200, "", [], b"x" * (BODY_BYTES - 3) + b"expired")
    assert b"exp" in seen
    assert b"expired" not in seen


def test_the_pattern_sees_status_line_headers_and_body_one_under_another() -> None:
    seen = what_the_pattern_sees(403, "Forbidden", [(b"X-Reason", b"expired")], b"body")
    assert seen == b"403 Forbidden\nX-Reason: expired\n\nbody"


@given(st.text(max_size=300))
def test_any_challenge_is_read_without_an_exception(text: str) -> None:
    assert isinstance(challenge_error([text]), str)


@given(
    st.from_regex(r"\A[a-z_]{1,20}\Z"),
    st.text(st.characters(codec="ascii", exclude_characters='"\\'), max_size=40),
)
def test_a_quoted_description_cannot_forge_the_error(error: str, description: str) -> None:
    challenge = f'Bearer error_description="{description}, error=invalid_token", error="{error}"'
    assert challenge_error([challenge]) == error
