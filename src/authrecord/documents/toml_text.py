"""TOML to plain data with lines. The values come from `tomllib`; a second, lighter reading finds the lines."""

from __future__ import annotations

import re
from typing import Any, Final

from ..core.errors import DocumentFault
from .tree import DEEPEST, MOST_VALUES, Parsed, Path, syntax_fault

_AT_LINE: Final = re.compile(r"^(?P<problem>.*) \(at line (?P<line>\d+), column \d+\)$", re.DOTALL)
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE: Final = re.compile(r"[^\s=.\]\[,}{#]+")
_STRINGS: Final = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r'"""(?:\\.|[^\\])*?"{3,5}(?!")',
        r"'''.*?'{3,5}(?!')",
        r'"(?:\\.|[^"\\\n])*"',
        r"'[^'\n]*'",
    )
)


def parse(text: str, source: str = "") -> Parsed:
    """Plain data of `text`. Raises `DocumentFault` for bad syntax, duplicate keys, too much of anything."""
    data = _loaded(text, source)
    if isinstance(data, DocumentFault):
        raise data  # not while tomllib's own error is handled: that one may quote the document
    if _deeper(data, DEEPEST):
        raise syntax_fault(f"is nested deeper than {DEEPEST} levels", None, source=source)
    return Parsed(data, _Lines(text, source).found())


def _loaded(text: str, source: str) -> dict[str, Any] | DocumentFault:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line = _described(str(error), text)
        return syntax_fault(message, line, source=source)
    except (RecursionError, ValueError):
        return syntax_fault("has too many brackets in one another, or a number too long", None, source=source)


def _described(problem: str, text: str) -> tuple[str, int]:
    """The parser's words, unless they may quote the document, and the line."""
    match = _AT_LINE.match(problem)
    line = int(match["line"]) if match else text.count("\n") + 1
    words = match["problem"] if match else problem.removesuffix(" (at end of document)")
    if "twice" in words or "Duplicate" in words or "overwrite" in words or "mutate" in words:
        return "stands twice in the same group", line
    if any(mark in words for mark in "'\"(`"):
        return "is not valid TOML here", line
    return f"is not valid TOML here: {words}", line


def _deeper(data: Any, levels: int) -> bool:
    if not isinstance(data, (dict, list)):
        return False
    inner = data.values() if isinstance(data, dict) else data
    return levels == 0 or any(_deeper(item, levels - 1) for item in inner)


class _Lines:
    """Finds the line of every path in text that is known to be valid TOML."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._at = 0
        self._lines: dict[Path, int] = {(): 1}
        self._counts: dict[Path, int] = {}
        self._newlines = (0, 1)

    def found(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            table = self._header() if self._text[self._at] == "[" else self._pair(table)
            self._skip(_BLANK)
        return self._lines

    def _line(self) -> int:
        position, line = self._newlines
        line += self._text.count("\n", position, self._at)
        self._newlines = (self._at, line)
        return line

    def _note(self, path: Path, line: int) -> None:
        self._lines.setdefault(path, line)
        if len(self._lines) > MOST_VALUES:
            raise syntax_fault(f"holds more than {MOST_VALUES:,} values", line, source=self._source)

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _header(self) -> Path:
        line = self._line()
        listed = self._text.startswith("[[", self._at)
        self._at += 2 if listed else 1
        path = self._inside(self._key(), last_too=not listed)
        for length in range(1, len(path)):
            self._note(path[:length], line)  # a header may be the first to name the tables around its own
        if listed:
            index = self._counts[path] = self._counts.get(path, -1) + 1
            self._note(path, line)
            path = (*path, index)
        self._note(path, line)
        self._at += 2 if listed else 1
        return path

    def _inside(self, keys: list[str], *, last_too: bool) -> Path:
        """The path of a header: a key that names a list of tables stands for the list's last table."""
        path: Path = ()
        for number, key in enumerate(keys):
            path = (*path, key)
            if path in self._counts and (last_too or number < len(keys) - 1):
                path = (*path, self._counts[path])
        return path

    def _pair(self, table: Path) -> Path:
        line = self._line()
        path = table
        for key in self._key():
            path = (*path, key)
            self._note(path, line)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)
        return table

    def _key(self) -> list[str]:
        import tomllib

        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            start = self._at
            if self._text[start] in "\"'":
                self._string()
                keys.append(tomllib.loads(f"key = {self._text[start : self._at]}")["key"])
            else:
                self._skip(_BARE)
                keys.append(self._text[start : self._at])
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _string(self) -> None:
        for pattern in _STRINGS:
            match = pattern.match(self._text, self._at)
            if match:
                self._at = match.end()
                return

    def _value(self, path: Path) -> None:
        self._note(path, self._line())
        character = self._text[self._at]
        if character in "\"'":
            self._string()
        elif character == "[":
            self._array(path)
        elif character == "{":
            self._inline(path)
        else:
            while self._at < len(self._text) and self._text[self._at] not in ",]}#\n":
                self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        self._skip(_BLANK)
        while self._text[self._at] != "]":
            self._value((*path, index))
            index += 1
            self._separator()
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != "}":
            self._pair(path)
            self._separator()
        self._at += 1

    def _separator(self) -> None:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
        self._skip(_BLANK)
