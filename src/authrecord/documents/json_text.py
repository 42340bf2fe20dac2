"""JSON to plain data with lines. Duplicate keys, `NaN` and `Infinity` are refused (RFC 8259 §4, §6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from ..core.errors import DocumentFault
from .tree import DEEPEST, MOST_VALUES, NUMBER, Faults, Parsed, Path, shown_key, syntax_fault

_BLANK: Final = re.compile(r"[ \t\n\r]*")
_ATOM: Final = re.compile(r"[^\s,\]}]+")
_ATOMS: Final = {"true": True, "false": False, "null": None}


def parse(text: str, source: str = "") -> Parsed:
    """Plain data of `text`. Raises `DocumentFault` for bad syntax, duplicate keys, too much of anything."""
    fault = _syntax(text, source)
    if fault is not None:
        raise fault  # not while json's own error is handled: that one holds the whole document
    return _Reader(text, source).document()


def _syntax(text: str, source: str) -> DocumentFault | None:
    import json

    try:
        json.loads(text, parse_constant=_refuse_constant, parse_int=len, parse_float=len)
    except json.JSONDecodeError as error:
        return syntax_fault(f"is not valid JSON here: {error.msg}", error.lineno, source=source)
    except (ValueError, RecursionError):
        return syntax_fault("holds NaN, Infinity, or too many brackets in one another", None, source=source)
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


class _Reader:
    """Reads text that is known to be valid JSON a second time, for the line of every path."""

    def __init__(self, text: str, source: str) -> None:
        from json import decoder

        self._text = text
        self._source = source
        self._string: Callable[[str, int, bool], tuple[str, int]] = vars(decoder)["scanstring"]
        self._at = 0
        self._line = 1
        self._lines: dict[Path, int] = {}
        self._faults = Faults(self._lines)
        self._count = 0

    def document(self) -> Parsed:
        data = self._value((), 0)
        return Parsed(data, self._lines, self._faults.in_order())

    def _next(self) -> str:
        """The next character that is not blank; it is not taken."""
        end = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches the empty text too
        self._line += self._text.count("\n", self._at, end)
        self._at = end
        return self._text[end]

    def _take(self) -> str:
        character = self._next()
        self._at += 1
        return character

    def _value(self, path: Path, depth: int) -> Any:
        character = self._next()
        self._lines.setdefault(path, self._line)
        self._count += 1
        if depth > DEEPEST:
            raise syntax_fault(f"is nested deeper than {DEEPEST} levels", self._line, source=self._source)
        if self._count > MOST_VALUES:
            raise syntax_fault(f"holds more than {MOST_VALUES:,} values", self._line, source=self._source)
        if character == "{":
            return self._object(path, depth)
        if character == "[":
            return self._array(path, depth)
        return self._scanned() if character == '"' else self._atom()

    def _scanned(self) -> str:
        text, self._at = self._string(self._text, self._at + 1, True)
        return text

    def _atom(self) -> bool | int | None:
        start = self._at
        self._at = _ATOM.match(self._text, start).end()  # type: ignore[union-attr]  # json.loads took this text
        return _ATOMS.get(self._text[start : self._at], NUMBER)

    def _array(self, path: Path, depth: int) -> list[Any]:
        items: list[Any] = []
        self._take()
        while self._next() != "]":
            items.append(self._value((*path, len(items)), depth + 1))
            if self._next() == ",":
                self._take()
        self._take()
        return items

    def _object(self, path: Path, depth: int) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        self._take()
        while self._next() != "}":
            line = self._line
            key = self._scanned()
            if key in pairs:
                hint = "Keep one of the two."
                self._faults.add((*path, shown_key(key)), "stands twice in the same group", hint, line=line)
            self._lines[(*path, key)] = line
            self._take()  # the colon
            value = self._value((*path, key), depth + 1)
            pairs.setdefault(key, value)
            if self._next() == ",":
                self._take()
        self._take()
        return pairs
