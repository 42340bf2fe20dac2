"""Texts of which one must stand in every answer that a pattern matches: what our script looks for.

Envoy's scripts have no RE2. So the script looks for these texts, and only an answer that holds one is shown to
Python, which decides with the pattern itself. Where no such text can be found in a pattern, every answer is shown.
The reading is cautious: what it does not understand ends a text and adds nothing to it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

SHORTEST: Final = 3
"""Characters below which a text is too common to spare a question."""

_OPTIONAL: Final = "?*{"
_ENDS_RUN: Final = "^$.+"


def literals_of(pattern: str) -> tuple[str, ...]:
    """One text for each alternative of an RE2 `pattern`, lower case; empty when some alternative has none.

    The script compares in lower case, so that `(?i)` needs no reading. The pattern as it stands counts as well:
    the library understands it both ways.
    """
    if "\\Q" in pattern or not pattern.isascii():
        return ()
    alternatives = _alternatives(pattern)
    found = [_longest(alternative) for alternative in alternatives]
    if not all(found):
        return ()
    return tuple(dict.fromkeys([*found, pattern.lower()]))


def _alternatives(pattern: str) -> list[str]:
    """The pattern, cut at each `|` that stands outside of groups and classes."""
    cuts = [index for index, depth in _outside(pattern) if pattern[index] == "|" and depth == 0]
    edges = [-1, *cuts, len(pattern)]
    return [pattern[start + 1 : end] for start, end in pairwise(edges)]


def _outside(pattern: str) -> list[tuple[int, int]]:
    """Each index that is neither escaped nor inside a class, with the depth of groups there."""
    found, depth, index = [], 0, 0
    while index < len(pattern):
        character = pattern[index]
        if character == "\\":
            index += 2
            continue
        if character == "[":
            index = _end_of_class(pattern, index)
            continue
        if character == ")":
            depth -= 1
        found.append((index, depth))
        if character == "(":
            depth += 1
        index += 1
    return found


def _end_of_class(pattern: str, index: int) -> int:
    """The index after the class that begins at `index`; a `]` right at its beginning belongs to it."""
    index += 1
    if pattern[index : index + 1] == "^":
        index += 1
    if pattern[index : index + 1] == "]":
        index += 1
    while index < len(pattern) and pattern[index] != "]":
        if pattern[index : index + 2] == "[:":
            index = max(pattern.find(":]", index) + 1, index + 1)
        elif pattern[index] == "\\":
            index += 1
        index += 1
    return index + 1


def _longest(alternative: str) -> str:
    """The longest text that must occur, lower case; empty when none has three characters."""
    runs, run, index, depth = [], "", 0, 0
    while index < len(alternative):
        character = alternative[index]
        text, step = "", 1
        if character == "\\":
            text, step = _escaped(alternative, index)
        elif character == "[":
            step = _end_of_class(alternative, index) - index
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character not in _ENDS_RUN and character not in _OPTIONAL:
            text = character
        if character in _OPTIONAL:
            run = run[:-1]
            step = _end_of_count(alternative, index) - index
        if text and depth == 0:
            run += text
        else:
            runs.append(run)
            run = ""
        index += step
    longest = max([*runs, run], key=len)
    return longest.lower() if len(longest) >= SHORTEST else ""


def _escaped(alternative: str, index: int) -> tuple[str, int]:
    """The character that an escape stands for, empty for anything but an escaped sign; and the escape's length."""
    following = alternative[index + 1 : index + 2]
    if following and not following.isalnum():
        return following, 2
    if following in {"x", "p", "P"} and alternative[index + 2 : index + 3] == "{":
        return "", max(alternative.find("}", index) + 1 - index, 3)
    if following in {"x", "p", "P"}:
        return "", 4 if following == "x" else 3
    if following.isdigit():
        return "", 4
    return "", 2


def _end_of_count(alternative: str, index: int) -> int:
    if alternative[index] != "{":
        return index + 1
    end = alternative.find("}", index)
    return len(alternative) if end < 0 else end + 1
