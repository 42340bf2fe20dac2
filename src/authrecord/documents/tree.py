"""What a parser hands to the reader: plain data, the line of every path in it, and the faults found so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ..core.errors import DocumentFault, Fault

Step: TypeAlias = str | int
Path: TypeAlias = tuple[Step, ...]
"""Where something stands in a document: keys, and positions in lists counted from 0."""

DEEPEST: Final = 32
"""Levels of nesting that any document may have; a record needs eight."""

MOST_VALUES: Final = 200_000
"""Values that a document may hold, aliases counted as often as they are used (no "billion laughs")."""

NUMBER: Final = 0
"""Stands for every number: no field of a record holds one, so its value is never looked at."""

MOST_FAULTS: Final = 100
"""Faults that are reported; a document with more is not a document of records."""

LONGEST_KEY_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Parsed:
    """The plain data of a document (dict, list, str, bool, numbers, `None`) and the line of each path.

    `faults`: what the parser could read past, such as a key that stands twice.
    """

    data: Any = field(repr=False)
    lines: Mapping[Path, int]
    faults: tuple[Fault, ...] = ()


class Faults:
    """Collects every fault of one document; `lines` gives each its line."""

    def __init__(self, lines: Mapping[Path, int] | None = None, found: tuple[Fault, ...] = ()) -> None:
        self.lines: Mapping[Path, int] = {} if lines is None else lines
        self._found = list(found)
        self.count = len(found)

    def add(self, path: Path, message: str, hint: str = "", *, line: int | None = None) -> None:
        """Note what is wrong at `path`. Neither text may hold a value of the document."""
        self.count += 1
        if len(self._found) < MOST_FAULTS:
            where = self.line_of(path) if line is None else line
            self._found.append(Fault(written(path), sentence(message), hint, where))

    def line_of(self, path: Path) -> int | None:
        """The line of `path`, or of the nearest thing around it that has one."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return None

    def in_order(self) -> tuple[Fault, ...]:
        """Every fault, in the order of the document."""
        return tuple(sorted(self._found, key=lambda fault: fault.line or 0))

    def raise_if_any(self, source: str = "") -> None:
        """Raises `DocumentFault` with every fault, if there is one."""
        if self._found:
            raise DocumentFault(self.in_order(), source=source)


def sentence(message: str) -> str:
    """`message` with a full stop, so that a hint may follow it."""
    return message if message.endswith((".", "…")) else f"{message}."


def written(path: Path) -> str:
    """`path` as a person reads it: `records[0].auth.token_exchange.url`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def looks_like_a_key(key: object) -> bool:
    """True for a key that may be shown: a short word without digits, so never a token pasted in the wrong place."""
    if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY_SHOWN:
        return False
    return (
        all(character.isascii() and (character.isalpha() or character in "_-") for character in key)
        or key == "<<"
    )


def shown_key(key: object) -> str:
    """`key` where it may be shown, else a stand-in."""
    return str(key) if looks_like_a_key(key) else "‹a key that is not shown›"


def syntax_fault(message: str, line: int | None, *, hint: str = "", source: str = "") -> DocumentFault:
    """The one fault of a document that cannot be parsed at all."""
    return DocumentFault((Fault("", sentence(message), hint, line),), source=source)


class CannotEdit(Exception):  # named after what it says; it never leaves this room
    """The text has a form in which the change has no place."""
