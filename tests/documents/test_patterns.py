"""The expired message pattern: RE2 on bytes, or plain text (attack rows G1 to G6 and G12)."""

from __future__ import annotations

import sys

import pytest

from authrecord.core.errors import RecordFault
from authrecord.core.expiry import BODY_BYTES, what_the_pattern_sees
from authrecord.documents import compile_pattern
from tests.canary_watch import Canary
from tests.documents.examples import faults_of, oauth2

PATH = "token_exchange.expired_pattern"


def test_G1_a_pattern_that_would_hang_another_engine_answers_in_linear_time() -> None:
    """Python's `re` would need longer than the universe has; that it ends is the assertion's first half."""
    matches = compile_pattern("(a+)+$")
    assert matches(b"a" * BODY_BYTES)
    assert not matches(b"a" * BODY_BYTES + b"!")


@pytest.mark.parametrize(
    "pattern", ["(?<=a)b", "(?<!a)b", "(?=a)b", "(?!a)b", r"(a)\1", "(?>a)", "a{1001}", "a(", "*a"]
)
def test_G2_what_re2_cannot_read_is_refused_with_its_reason_and_a_hint(pattern: str) -> None:
    (fault,) = faults_of(oauth2("client_credentials", {PATH: pattern}))
    assert fault.path == f"auth.{PATH}"
    assert fault.message.startswith("is not an RE2 expression (")
    assert "look-behind" in fault.hint
    with pytest.raises(RecordFault):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["((a{100}){100}){100}", "a" * 1001, "ab" * 50_000, r"(\pL{500}){2}" * 60]
)
def test_G3_a_pattern_too_large_for_its_memory_or_too_long_is_refused(pattern: str) -> None:
    assert [fault.path for fault in faults_of(oauth2("password", {PATH: pattern}))] == [f"auth.{PATH}"]


def test_G4_without_re2_a_pattern_is_refused_with_a_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(RecordFault, match="needs RE2, which is not installed") as refused:
        compile_pattern("expired")
    assert "google-re2" in refused.value.hint
    assert refused.value.field == f"auth.{PATH}"
    assert "google-re2" in faults_of(oauth2("password", {PATH: "expired"}))[0].hint


def test_G5_neither_re2_nor_an_error_shows_the_pattern(
    canary: Canary, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = canary("pattern")
    for pattern in (
        f"{secret}(",
        f"(?<={secret})",
        f"[{secret}",
        f"(?P<{secret}-)",
        f"\\{secret}",
        f"{secret}" * 40,
    ):
        with pytest.raises(RecordFault) as refused:
            compile_pattern(pattern)
        canary.scan(str(refused.value), "message")
    assert capfd.readouterr() == ("", "")


def test_G6_bytes_of_any_charset_are_searched_as_they_came() -> None:
    matches = compile_pattern("token (has )?expired")
    assert matches(b"\xff\xfe\x00token expired\x80")
    assert matches(b"HTTP 200\n\n\xfftoken has expired")
    assert not matches(b"\xff\xfe\x00token")
    assert compile_pattern("abgelaufen \u00fc")("Token abgelaufen \u00fcberall".encode())


def test_a_pattern_matches_where_it_stands_literally_and_as_written() -> None:
    literal = compile_pattern("code=[401]")
    assert literal(b'{"error": "code=[401]"}')
    assert literal(b"code=4")
    assert not literal(b"CODE=[401]")
    assert not literal(b"code=[")


@pytest.mark.parametrize(
    "pattern", [".*", "", "a*", "^", "$", "()", "(expired)?", "|x", "(?s).*", "(?s).", "."]
)
def test_G12_a_pattern_that_matches_the_empty_answer_or_every_answer_is_refused(pattern: str) -> None:
    with pytest.raises(RecordFault):
        compile_pattern(pattern)
    if pattern:
        assert [fault.path for fault in faults_of(oauth2("password", {PATH: pattern}))] == [f"auth.{PATH}"]


def test_G8_a_message_that_straddles_the_edge_of_what_is_looked_at_is_not_found() -> None:
    matches = compile_pattern("token expired")
    within = what_the_pattern_sees(200, "OK", (), b"x" * (BODY_BYTES - 13) + b"token expired")
    across = what_the_pattern_sees(200, "OK", (), b"x" * (BODY_BYTES - 12) + b"token expired")
    assert (matches(within), matches(across)) == (True, False)
