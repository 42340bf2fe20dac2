"""What one test knows of its secrets: which there are, what was seen, what is allowed, and what got out."""

from __future__ import annotations

import re
import secrets
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import pytest

from tests.canary_encodings import MARK, MARK_NEEDLES, Haystack, needles

HARD_TAIL: Final = "+/%&#:é=?;~ '\"\\<>@!"
"""What a hard canary ends with: every character that some encoding treats in a way of its own."""

SHORTEST: Final = 8
"""Shorter values are found by chance (attack row P23), characters."""


@dataclass(frozen=True)
class Kept:
    """One secret and the name to speak of it."""

    label: str
    value: str | bytes = field(repr=False)

    @property
    def marked(self) -> bool:
        """Whether the quick look for `MARK` is enough to say that it is not there."""
        return isinstance(self.value, str) and self.value.startswith(MARK)

    @cached_property
    def needles(self) -> dict[bytes, str]:
        """Its forms."""
        return needles(self.value)


class Watch:
    """The secrets of one test, and all that was seen of the test from outside."""

    def __init__(self, root: Watch | None = None) -> None:
        self._root = root
        self._kept: dict[str | bytes, Kept] = {}
        self._allowed: list[tuple[str | bytes, str]] = []
        self._seen: list[tuple[str, str | bytes]] = []
        self._exceptions: list[BaseException] = []
        self.directories: list[Path] = []

    def keep(self, label: str, value: str | bytes) -> None:
        """Look for `value` from now on."""
        if len(value) < SHORTEST:
            raise ValueError(
                f"{label}: a watched secret has {SHORTEST} characters at least, or chance finds it"
            )
        self._kept.setdefault(value, Kept(label, value))

    def allow(self, value: str | bytes, sink: str) -> None:
        """Let `sink` hold `value`."""
        if value not in self._kept and not (self._root and value in self._root._kept):
            raise ValueError("canary.allow wants a value that this canary made or watches")
        self._allowed.append((value, sink))

    def note(self, sink: str, text: str | bytes | None) -> None:
        """Remember what `sink` showed."""
        if text:
            self._seen.append((sink, text))

    def note_exception(self, error: BaseException) -> None:
        """Remember an exception that left the code under test."""
        self._exceptions.append(error)

    def leaks(self) -> list[str]:
        """A line for each secret that some sink showed: label, sink, encoding. Never the value."""
        if not self._secrets():
            return []
        found: dict[str, None] = {}  # a dictionary keeps the order and drops what was said
        for sink, text in self._sinks():
            found |= dict.fromkeys(self.look_in(sink, text))
        return list(found)

    def look_in(self, sink: str, text: str | bytes) -> Iterator[str]:
        """The same for one text."""
        haystack = Haystack(text)
        marked = haystack.has_any(MARK_NEEDLES)
        for secret in self._secrets():
            if secret.marked and not marked:
                continue
            encoding = haystack.encoding_of(secret.needles)
            if encoding is not None and not self._is_allowed(secret, sink):
                yield f"{secret.label} in {sink} ({encoding})"

    def redacted(self, text: str) -> str:
        """`text` as it may be printed: every form of every secret replaced by its label."""
        raw = text.encode("utf-8", "surrogatepass")
        marked = Haystack(raw).has_any(MARK_NEEDLES)
        for secret in self._secrets():
            if secret.marked and not marked:
                continue
            for needle in secret.needles:
                raw = raw.replace(needle, f"«{secret.label}»".encode())
            if Haystack(raw).has_any(secret.needles):
                return f"(not shown: it holds {secret.label} broken over several lines)"
        # pytest shortens long values: the rest of a made canary still begins with the mark.
        return re.sub(MARK + "[0-9a-f]*", "«canary»", raw.decode("utf-8", "surrogatepass"))

    def _secrets(self) -> list[Kept]:
        return [*self._kept.values(), *(self._root._kept.values() if self._root else ())]

    def _is_allowed(self, secret: Kept, sink: str) -> bool:
        return any(value == secret.value and _covers(allowed, sink) for value, allowed in self._allowed)

    def _sinks(self) -> Iterator[tuple[str, str | bytes]]:
        # Equal texts of a sink are looked at once: a test may log one line ten thousand times.
        yield from dict.fromkeys(self._seen)
        for error in self._exceptions:
            for text in exception_texts(error):
                yield "exception", text
        for directory in dict.fromkeys(self.directories):
            yield from _files_below(directory)


class Canary:
    """What a test gets: makes secrets, watches secrets, says where one may be seen."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __call__(self, label: str, alphabet: Literal["plain", "hard"] = "plain") -> str:
        """A new secret of 34 letters and digits; a `hard` one ends with characters that need escaping."""
        value = MARK + secrets.token_hex(12) + (HARD_TAIL if alphabet == "hard" else "")
        self._watch.keep(label, value)
        return value

    def make(self, label: str = "made") -> str:
        """A new plain secret; to hand to a fake as its `make_secret`."""
        return self(label)

    def watch(self, value: str, label: str = "watched") -> str:
        """Look for a secret made elsewhere, and give it back. Bytes: `watch_bytes`."""
        self._watch.keep(label, value)
        return value

    def watch_bytes(self, value: bytes, label: str = "watched") -> bytes:
        """The same for a key."""
        self._watch.keep(label, value)
        return value

    def watch_directory(self, path: Path) -> None:
        """Search the files below `path` too (those below `tmp_path` are searched anyway)."""
        self._watch.directories.append(path)

    def allow(self, value: str | bytes, *, sink: str) -> None:
        """Let one sink show `value`: `stdout`, `log`, …, `file`, or one file as `file:NAME`."""
        self._watch.allow(value, sink)

    def scan(self, text: str | bytes, where: str) -> None:
        """Search `text` now; fails the test. For what the plugin cannot see: answers, audit rows, traces."""
        __tracebackhide__ = True
        leaks = list(self._watch.look_in(where, text))
        if leaks:
            pytest.fail("a secret got out: " + "; ".join(leaks), pytrace=False)


def exception_texts(error: BaseException) -> Iterator[str]:
    """All that can be read from `error` and from whatever it came from: traceback, arguments, attributes."""
    waiting: list[BaseException | None] = [error]
    met: set[int] = set()
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in met:
            continue
        met.add(id(current))
        yield "".join(traceback.TracebackException.from_exception(current).format(chain=False))
        yield repr(current)
        yield repr(current.args)
        yield repr(getattr(current, "__dict__", {}))
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def _covers(allowed: str, sink: str) -> bool:
    """Whether a sink that the test allowed is the one that was found."""
    kind, _, name = allowed.partition(":")
    if not name:
        return sink == kind or sink.startswith(f"{kind}:")
    return sink == allowed or (sink.startswith(f"{kind}:") and sink.endswith(f"/{name}"))


def _files_below(directory: Path) -> Iterable[tuple[str, bytes]]:
    """Names and bytes of the files below `directory`, write-ahead logs included. Links are not followed."""
    for path in sorted(directory.rglob("*")):
        sink = f"file:{path.relative_to(directory)}"
        yield sink, path.name.encode("utf-8", "surrogateescape")
        if path.is_file() and not path.is_symlink():
            yield sink, path.read_bytes()
