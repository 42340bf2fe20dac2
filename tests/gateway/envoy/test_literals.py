"""The texts that the script looks for stand in every answer that the pattern matches."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from authrecord.documents.patterns import compile_pattern
from authrecord.gateway.envoy.literals import literals_of

PARTS = st.sampled_from(
    [
        *(
            "token",
            "expired",
            "has ",
            "(?i)",
            ".*",
            "a?",
            "b+",
            "[abc]",
            r"\s",
            r"\.",
            "x{2}",
            "(gone|over)",
            "|",
        ),
        *(
            "^",
            "$",
            "[^]x]y",
            "[[:digit:]]",
            r"\x41",
            r"\pL",
            r"\[",
            "(?:a|bcd)",
            "é",
            "401",
            r"\d{3}",
            "tok*en",
        ),
        "abc??",
    ]
)
WORDS = st.sampled_from(
    ["token", " ", "expired", "a", "bb", "xx", "gone", "A", ".", "401", "bcd", "é", "y", "ab", "tokken"]
)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("token (has )?expired", ["expired", "token (has )?expired"]),
        ("(?i)Token Expired", ["token expired", "(?i)token expired"]),
        ("token expired|session_over", ["token expired", "session_over", "token expired|session_over"]),
        (r'"code":\s*"?401\b', ['"code":', r'"code":\s*"?401\b']),
        ("expired?", ["expire", "expired?"]),
        ("(expired|ended)", []),
        ("ab|expired", []),
        ("[a-z]+", []),
    ],
)
def test_each_alternative_gives_its_longest_text(pattern: str, found: list[str]) -> None:
    assert list(literals_of(pattern)) == found


@given(st.lists(PARTS, min_size=1, max_size=6), st.lists(WORDS, max_size=8))
def test_no_answer_that_the_pattern_matches_is_overlooked(parts: list[str], words: list[str]) -> None:
    pattern, answer = "".join(parts), "".join(words)
    literals = literals_of(pattern)
    options = re2.Options()
    options.log_errors = False
    try:
        matched = re2.search(pattern.encode(), answer.encode(), options) is not None
    except re2.error:
        return
    if matched and literals:
        assert any(text in answer.lower() for text in literals)


def test_the_pattern_as_it_stands_counts_as_it_does_in_the_library() -> None:
    pattern = "[token] expired (really)"
    answer = b"error: [token] expired (really)"
    assert compile_pattern(pattern)(answer)
    assert any(text in answer.decode().lower() for text in literals_of(pattern))
