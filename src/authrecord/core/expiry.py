"""Is this answer "expired"? By status, by `WWW-Authenticate`, or by the record's own message pattern.

The pattern arrives compiled, as a function from bytes to yes or no: this room compiles nothing. What the
function sees is bounded: status line, headers, and the first 64 KiB of the decoded body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final, TypeAlias

BODY_BYTES: Final = 64 * 1024
"""How much of an answer's decoded body the pattern may see (bytes)."""

Matcher: TypeAlias = Callable[[bytes], bool]
"""A compiled message pattern."""


class Expired(Enum):
    """Why an answer counts as "expired"."""

    STATUS = "status 401"
    INVALID_TOKEN = 'WWW-Authenticate: error="invalid_token"'
    PATTERN = "the record's expired message pattern"


def by_status(status: int, challenges: Iterable[str]) -> Expired | None:
    """Judge by status and `WWW-Authenticate` alone (RFC 6750 §3.1).

    `invalid_token` counts whatever the status. A 401 counts, unless its challenge names another error:
    `insufficient_scope` and `invalid_request` are not cured by a new token (G15, S31).
    """
    error = challenge_error(challenges)
    if error == "invalid_token":
        return Expired.INVALID_TOKEN
    if status == 401 and not error:
        return Expired.STATUS
    return None


def challenge_error(challenges: Iterable[str]) -> str:
    """The first `error` parameter in `WWW-Authenticate` values, lower case; empty when there is none."""
    for challenge in challenges:
        for name, value in _parameters(challenge[:8192]):
            if name == "error":
                return value.lower()
    return ""


def _parameters(challenge: str) -> Iterable[tuple[str, str]]:
    """`name=value` pairs of a challenge. A quoted value ends at its quote, so that a comma in it is text."""
    position, length = 0, len(challenge)
    while position < length:
        equals = challenge.find("=", position)
        if equals < 0:
            return
        name = challenge[position:equals].replace(",", " ").split(" ")[-1].strip().lower()
        position = equals + 1
        while position < length and challenge[position] == " ":
            position += 1
        if position < length and challenge[position] == '"':
            value, position = _quoted(challenge, position + 1)
        else:
            end = min(
                (
                    index
                    for index in (challenge.find(",", position), challenge.find(" ", position))
                    if index >= 0
                ),
                default=length,
            )
            value, position = challenge[position:end], end
        yield name, value


def _quoted(challenge: str, position: int) -> tuple[str, int]:
    """The text up to the closing quote, and the position after it; an unclosed quote runs to the end."""
    text: list[str] = []
    while position < len(challenge):
        character = challenge[position]
        if character == '"':
            return "".join(text), position + 1
        if character == "\\" and position + 1 < len(challenge):
            position += 1
            character = challenge[position]
        text.append(character)
        position += 1
    return "".join(text), position


def what_the_pattern_sees(
    status: int, reason: str, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> bytes:
    """Status line, headers and the first 64 KiB of the decoded `body`, one under another, as bytes (G6)."""
    lines = [f"{status} {reason}".rstrip().encode("latin-1", "replace")]
    lines.extend(name + b": " + value for name, value in headers)
    return b"\n".join(lines) + b"\n\n" + body[:BODY_BYTES]


def by_pattern(matches: Matcher | None, seen: bytes) -> Expired | None:
    """Judge by the record's message pattern, whatever the status, 200 included."""
    if matches is not None and matches(seen):
        return Expired.PATTERN
    return None
