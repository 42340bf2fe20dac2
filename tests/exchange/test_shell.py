"""The words of a command, as a shell would split them."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrecord.core.errors import DocumentFault
from authrecord.exchange.shell import MOST_WORDS, words_of


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12), max_size=5))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    assert words_of(shlex.join(words)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("curl a \\\n  b", ["curl", "a", "b"]),
        ("curl a \\\r\n  b", ["curl", "a", "b"]),
        (r"curl $'a\nb\x41\u0042\'\101'", ["curl", "a\nbAB'A"]),
        ("curl \"$TOKEN\" '$TOKEN' ${TOKEN}", ["curl", "{{TOKEN}}", "$TOKEN", "{{TOKEN}}"]),
        ('curl "$(cat key)" `id` x', ["curl", "{{substitution}}", "{{substitution}}", "x"]),
        ("curl a | jq .", ["curl", "a"]),
        ("curl a; rm -rf /", ["curl", "a"]),
        ("# a comment\ncurl a # another", ["curl", "a"]),
        (r'curl "a\"b\\c\d"', ["curl", r"a\"b\c\d".replace(r"\"", '"')]),
        (
            'curl ^"https://a/?x=1^&y=2^" ^\r\n  -H ^"a: b^\\^"c^"',
            ["curl", "https://a/?x=1&y=2", "-H", 'a: b"c'],
        ),
    ],
)
def test_a_command_is_split_as_its_shell_does_it(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize("text", ["curl 'a", 'curl "a', "curl $'a", "curl `a", "curl ${a", 'curl "$(a'])
def test_an_open_quote_is_told_without_its_text(text: str) -> None:
    with pytest.raises(DocumentFault, match="quote that is not closed"):
        words_of(text)


def test_a_command_has_a_bounded_number_of_words() -> None:
    with pytest.raises(DocumentFault, match="more than"):
        words_of("curl " + "a " * (MOST_WORDS + 1))
