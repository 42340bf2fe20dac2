"""Numbers in words, for people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds in words: `42 s`, `7 min`, `3 h`, `12 days`."""
    for size, word in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or (seconds >= size and word == "h"):
            return f"{seconds / size:.0f} {word}"
    return f"{max(0.0, seconds):.0f} s"


def ago(at: float | None, now: float) -> str:
    """How long ago, in words; `never` for nothing. Both in UTC seconds."""
    if at is None:
        return "never"
    return "just now" if now - at < 5 else f"{duration(now - at)} ago"
