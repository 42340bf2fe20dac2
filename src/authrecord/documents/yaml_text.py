"""YAML to plain data with lines.

Plain scalars are read by the core schema of YAML 1.2: `yes`, `on` and dates are text. Tags are refused, so a
document can build no object. Aliases are allowed and counted as often as they are used. PyYAML's C parser was
measured against ruamel.yaml on ten records: 1.5 ms to 20 ms, at the same cost of import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from ..core.errors import DocumentFault
from .tree import DEEPEST, MOST_VALUES, NUMBER, Faults, Parsed, Path, shown_key, syntax_fault

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMBER: Final = re.compile(
    r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


def plain_scalar(text: str) -> str | bool | int | None:
    """What an unquoted scalar stands for in the core schema of YAML 1.2 (§10.3.2)."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    return NUMBER if _NUMBER.fullmatch(text) else text


def parse(text: str, source: str = "") -> Parsed:
    """Plain data of `text`. Raises `DocumentFault` for bad syntax, tags, duplicate keys, too much of anything."""
    result = _loaded(text, source)
    if isinstance(result, DocumentFault):
        raise result  # not while the parser's own error is handled: that one may quote the document
    return result


def _loaded(text: str, source: str) -> Parsed | DocumentFault:
    import yaml  # 25 ms: only when a YAML document is read

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Reader(iter(yaml.parse(text, Loader=loader)), source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return syntax_fault(_described(error.problem), mark.line + 1 if mark else None, source=source)
    except yaml.YAMLError:
        return syntax_fault("holds a character that YAML does not allow", None, source=source)
    except UnicodeEncodeError:
        return syntax_fault("holds half a character (a lone surrogate)", None, source=source)


def _described(problem: str | None) -> str:
    """The parser's own words, unless they may quote the document."""
    if not problem or any(quote in problem for quote in "'\"`"):
        return "is not valid YAML here"
    return f"is not valid YAML here: {problem}"


class _Reader:
    """Builds plain data from parser events, with the line of each path."""

    def __init__(self, events: Iterator[Any], source: str) -> None:
        self._events = events
        self._source = source
        self._lines: dict[Path, int] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._faults = Faults(self._lines)
        self._count = 0

    def document(self) -> Parsed:
        import yaml

        next(self._events)  # the stream begins
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise syntax_fault("is empty", None, hint="Write `records:` and a list.", source=self._source)
        data = self._node(next(self._events), (), 0)
        next(self._events)  # the document ends
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            line = event.start_mark.line + 1
            hint = "Put every record into one `records` list."
            raise syntax_fault("holds a second YAML document", line, hint=hint, source=self._source)
        return Parsed(data, self._lines, self._faults.in_order())

    def _node(self, event: Any, path: Path, depth: int) -> Any:
        import yaml

        line = event.start_mark.line + 1
        self._lines.setdefault(path, line)
        self._spend(1, line)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", line)
        if event.tag is not None:
            self._faults.add(path, "has a tag", "Leave the `!…` out; a record holds plain text.", line=line)
        if depth > DEEPEST:
            raise syntax_fault(f"is nested deeper than {DEEPEST} levels", line, source=self._source)
        before = self._count
        value = self._value(event, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - before + 1)
        return value

    def _value(self, event: Any, path: Path, depth: int) -> Any:
        import yaml

        if isinstance(event, yaml.ScalarEvent):
            return plain_scalar(event.value) if event.implicit[0] and not event.style else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._mapping(path, depth)

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        import yaml

        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth + 1))
        return items

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        import yaml

        pairs: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                raise syntax_fault("has a key that is not a word", line, source=self._source)
            key = event.value
            if key in pairs:
                hint = "Keep one of the two."
                self._faults.add((*path, shown_key(key)), "stands twice in the same group", hint, line=line)
            self._lines[(*path, key)] = line
            value = self._node(next(self._events), (*path, key), depth + 1)
            pairs.setdefault(key, value)
        return pairs

    def _alias(self, anchor: str, line: int) -> Any:
        if anchor not in self._anchors:
            raise syntax_fault("has an alias (*…) to nothing, or to itself", line, source=self._source)
        value, size = self._anchors[anchor]
        self._spend(size, line)
        return value

    def _spend(self, values: int, line: int) -> None:
        self._count += values
        if self._count > MOST_VALUES:
            raise syntax_fault(f"holds more than {MOST_VALUES:,} values", line, source=self._source)
