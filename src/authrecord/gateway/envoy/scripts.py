"""Our scripts for Envoy, and what they must know of a target.

A script is the same for every target, so that Envoy keeps it once for each thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Final, TypeAlias

from .doorkeeper import AWAY, NOT_ALLOWED, UNKNOWN
from .literals import literals_of
from .plan import Target
from .shapes import SCRIPT, Json

NAME: Final = SCRIPT
"""The name of the filters that run our scripts, under which they find the metadata of a route."""

NEWER: Final = "authrecord.newer"
"""The name of a request's own metadata in which the judge leaves credentials for its second attempt."""

REALM: Final = 'Basic realm="authrecord"'

CONTROL: Final = "authrecord_control"
"""The cluster of Envoy that leads to our control process."""

PATIENCE: Final = 90_000
"""Milliseconds that an answer waits for a renewal: longer than the claim of a process that was killed, and a renewal.

A control process that is being started again comes before that.
"""

TRIES: Final = 80
"""How often a script asks a control process that is not there: about ten seconds, by Envoy's pauses.

One that was killed and started again is back by then, and the answer that says "expired" is still mended.
"""

MOST_BODY: Final = 512 * 1024
"""Bytes of an answer's body that is held back until the pattern was compared; larger ones pass unseen."""

_Value: TypeAlias = "str | int | bool | Sequence[str] | Mapping[str, _Value]"


def judge() -> str:
    """The script that looks at answers."""
    return _with(
        "judge.lua",
        CONTROL=CONTROL,
        PATIENCE=PATIENCE,
        TRIES=str(TRIES),
        NEWER=NEWER,
        MOST_BODY=MOST_BODY,
        PHRASES={str(status.value): status.phrase for status in HTTPStatus},
    )


def stamp() -> str:
    """The script that puts credentials into the query and into cookies."""
    return _with("stamp.lua")


def admit(*, is_shared: bool) -> str:
    """The script that asks who is calling, at a listener that other machines reach or not."""
    refusals = {
        refusal.code: {"status": str(refusal.status), "body": refusal.body().decode()}
        for refusal in (UNKNOWN, NOT_ALLOWED, AWAY)
    }
    return _with(
        "admit.lua",
        CONTROL=CONTROL,
        PATIENCE=PATIENCE,
        REALM=REALM,
        SHARED="1" if is_shared else "0",
        REMEMBERED=1_000,
        AWAY=60_000,
        MOST_REMEMBERED=10_000,
        REFUSALS=refusals,
    )


def key_of(target: Target) -> str:
    """What stands for a target where its name would be long, and could hold anything: 16 hexadecimal digits."""
    return hashlib.blake2b(target.cluster.encode(), digest_size=8).hexdigest()


def facts_of(target: Target) -> Json:
    """What the scripts must know of a target; they find it at the route."""
    literals = [literals_of(pattern) for pattern in target.patterns]
    return {
        "target": target.cluster,
        "judged": target.replays,
        "credentials": len(target.placements),
        "pattern": bool(target.patterns),
        "streams": target.judges_streams,
        "literals": [text for texts in literals for text in texts] if all(literals) else [],
        "places": [one.place.value for one in target.placements],
        "names": [one.name for one in target.placements],
    }


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
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"[{_lua_text(key)}] = {_lua(item)}" for key, item in value.items()) + "}"
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
