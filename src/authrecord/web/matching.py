"""Where a message pattern matches in an answer, for the page's tester. RE2 only, on bounded text (rows G1 to G4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..documents import compile_pattern

MOST_MARKED: Final = 200


@dataclass(frozen=True, slots=True)
class Matches:
    """`matches`: the answer counts as expired. `pieces`: its text in order, each with whether it is marked."""

    matches: bool
    pieces: tuple[tuple[str, bool], ...]


def matches_in(pattern: str, answer: str) -> Matches:
    """What `pattern` matches in `answer`. Raises `RecordFault` for a pattern that would be refused in a record."""
    import re2

    matches = compile_pattern(pattern)(answer.encode("utf-8", "surrogatepass"))
    if not matches:
        return Matches(False, ((answer, False),))
    spans = _literal(pattern, answer)
    if not spans:
        options = re2.Options()
        options.log_errors = False
        spans = [
            one.span()
            for one, _ in zip(
                re2.compile(pattern, options).finditer(answer), range(MOST_MARKED), strict=False
            )
        ]
    return Matches(True, tuple(_pieces(answer, [span for span in spans if span[0] < span[1]])))


def _literal(pattern: str, answer: str) -> list[tuple[int, int]]:
    """Where the pattern stands as it is written."""
    spans: list[tuple[int, int]] = []
    at = answer.find(pattern)
    while at >= 0 and len(spans) < MOST_MARKED:
        spans.append((at, at + len(pattern)))
        at = answer.find(pattern, at + len(pattern))
    return spans


def _pieces(text: str, spans: list[tuple[int, int]]) -> list[tuple[str, bool]]:
    pieces: list[tuple[str, bool]] = []
    end = 0
    for begin, to in spans:
        pieces += [(text[end:begin], False), (text[begin:to], True)]
        end = to
    pieces.append((text[end:], False))
    return [piece for piece in pieces if piece[0]]
