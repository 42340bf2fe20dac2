"""Our scripts for Envoy, with what they must know of a target written before them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Final, TypeAlias

from .literals import literals_of
from .plan import Target

CONTROL: Final = "authrecord_control"
"""The cluster of Envoy that leads to our control process."""

PATIENCE: Final = 60_000
"""Milliseconds that an answer waits for a renewal: longer than a renewal can take."""

MOST_BODY: Final = 512 * 1024
"""Bytes of an answer's body that is held back until the pattern was compared; larger ones pass unseen."""

_Value: TypeAlias = str | int | bool | Sequence[str] | dict[str, str]


def judge(target: Target) -> str:
    """The script that looks at answers."""
    literals = [literals_of(pattern) for pattern in target.patterns]
    return _with(
        "judge.lua",
        CONTROL=CONTROL,
        PATIENCE=PATIENCE,
        TARGET=target.cluster,
        CREDENTIALS=len(target.placements),
        HAS_PATTERN=bool(target.patterns),
        JUDGES_STREAMS=target.judges_streams,
        MOST_BODY=MOST_BODY,
        LITERALS=[text for texts in literals for text in texts] if all(literals) else [],
        PHRASES={str(status.value): status.phrase for status in HTTPStatus} if target.patterns else {},
    )


def renew(target: Target) -> str:
    """The script that replaces a refused credential before the second attempt."""
    return _with(
        "renew.lua",
        CONTROL=CONTROL,
        PATIENCE=PATIENCE,
        TARGET=target.cluster,
        CREDENTIALS=len(target.placements),
        INJECTED=_injected(target),
    )


def stamp(target: Target) -> str:
    """The script that puts credentials into the query and into cookies."""
    return _with(
        "stamp.lua",
        CREDENTIALS=len(target.placements),
        INJECTED=_injected(target),
        PLACES=[one.place.value for one in target.placements],
        NAMES=[one.name for one in target.placements],
    )


def _injected(target: Target) -> list[str]:
    return [one.header(number) for number, one in enumerate(target.placements, start=1)]


def _with(name: str, **values: _Value) -> str:
    lines = [f"local {key} = {_lua(value)}" for key, value in values.items()]
    return "\n".join((*lines, _text(name)))


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _lua(value: _Value) -> str:
    """A value as Lua writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _lua_text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{_lua_text(key)}] = {_lua_text(item)}" for key, item in value.items()) + "}"
    return "{" + ", ".join(_lua_text(item) for item in value) + "}"


def _lua_text(text: str) -> str:
    """A text between quotes; everything but plain letters and signs as a decimal escape, which Lua 5.1 reads."""
    return (
        '"'
        + "".join(
            character
            if " " <= character <= "~" and character not in '"\\'
            else "".join(f"\\{byte:03d}" for byte in character.encode())
            for character in text
        )
        + '"'
    )
