"""The expired message pattern: compiled with RE2, which answers in linear time (rows G1 to G6, G12).

Python's own `re` is never used for a pattern that a person wrote: it can be made to run for minutes.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from ..core.errors import RecordFault
from ..core.expiry import Matcher
from .rules import Wrong, text

LONGEST: Final = 1_000
"""Characters that a pattern may have."""

MEMORY: Final = 8 * 1024 * 1024
"""Bytes that RE2 may use for one pattern."""

_HINT: Final = (
    "Patterns are RE2: no look-ahead, look-behind, back-reference, atomic group or repetition above 1,000. "
    "Write \\ before a sign that should stand for itself."
)
_EVERYTHING: Final = (b"200 OK\n\n", b"404 Not Found\n\n", b"{}", b"7")
"""Answers that say nothing about a token; a pattern that matches all of them matches everything."""


def compile_pattern(pattern: str) -> Matcher:
    """A function that says whether bytes hold `pattern`, as it stands or read as an RE2 expression.

    Raises `RecordFault`, which holds no part of the pattern, for what RE2 cannot read, for a pattern that is
    too long or too large, for one that matches an empty answer, and when google-re2 is not installed.
    """
    wrong: Wrong
    try:
        return _compiled(text(pattern))
    except Wrong as caught:
        wrong = caught
    # Raised here and not above: an error that is raised while another is handled carries that one along.
    field = "auth.token_exchange.expired_pattern"
    raise RecordFault(f"the expired message pattern {wrong.message}.", field=field, hint=wrong.hint)


def pattern(value: object) -> str:
    """The rule for a pattern field; may be empty. Raises `Wrong`."""
    given = text(value)
    if given:
        _compiled(given)
    return given


def _compiled(pattern: str) -> Matcher:
    if not pattern:
        raise Wrong("is empty", "Leave it out to judge by status and WWW-Authenticate alone.")
    if len(pattern) > LONGEST:
        raise Wrong(f"is longer than {LONGEST:,} characters", "Give a short part of the message.")
    expression = _expression(_re2(), pattern)
    literal = pattern.encode()
    search = expression.search

    def matches(seen: bytes) -> bool:
        return literal in seen or search(seen) is not None

    if matches(b""):
        hint = "It would call every answer expired. Give a part of the message that says so."
        raise Wrong("matches an empty answer", hint)
    if all(matches(answer) for answer in _EVERYTHING):
        raise Wrong("matches every answer", "Give a part of the message that says the token has expired.")
    return matches


def _re2() -> ModuleType:
    try:
        import re2
    except ImportError:
        hint = "Install the package google-re2, or leave the pattern out."
        raise Wrong("needs RE2, which is not installed here", hint) from None
    module: ModuleType = re2
    return module


def _expression(re2: Any, pattern: str) -> Any:
    """The compiled expression, in bytes mode, so that an answer of any charset is read as it came (row G6)."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY
    reason = ""
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        reason = _reason(error)
    raise Wrong(f"is not an RE2 expression ({reason})", _HINT)


def _reason(error: Exception) -> str:
    """RE2's reason without the part of the pattern that it quotes after a colon."""
    raw = error.args[0] if error.args else ""
    words = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    return words.partition(":")[0] or "no reason given"
