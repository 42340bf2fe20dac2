"""A credential in an answer of the server, as a token whose life is counted by this machine's clocks."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from ...core.errors import BadAnswer
from ...core.secret import Secret
from ...core.token import Token
from ...record import OAuth2, Record
from .calls import Called

STATIC_SECONDS: Final = 300.0
"""How long a bearer token or an API key is kept in memory before the server is asked for it again."""


def token_from(called: Called, record: Record, origin: str) -> Token:
    """The credential of `record`. Raises `BadAnswer` for one that cannot be used.

    The server tells by its own clock when the request came and when the token ends. The difference is all that is used
    of that clock, counted from the moment at which the request left here: so no token is thought to live longer than
    it does.
    """
    data = called.data
    obtains = isinstance(record.auth, OAuth2)
    life = _number(data.get("life"), origin) if obtains else STATIC_SECONDS
    age = 0.0
    if obtains and life is not None:
        age = _needed(data, "asked_at", origin) - (_needed(data, "expires_at", origin) - life)
    return Token(
        access_token=_secret(data, "access_token", origin, one_word=obtains),
        token_type=str(data.get("token_type") or "Bearer"),
        obtained_at=called.sent_at - age,
        obtained_monotonic=called.sent_monotonic - age,
        life=life,
        id_token=_secret(data, "id_token", origin, one_word=True) if data.get("id_token") else None,
        scope=data["scope"] if isinstance(data.get("scope"), str) else None,
        issued_by=origin,
    )


def _secret(data: Mapping[str, Any], name: str, origin: str, *, one_word: bool) -> Secret:
    text = data.get(name)
    if (
        not isinstance(text, str)
        or not text
        or any(character < " " or character == "\x7f" for character in text)
    ):
        raise _unlike(origin)
    if one_word and not (text.isascii() and " " not in text):
        raise _unlike(origin)
    return Secret(text)


def _needed(data: Mapping[str, Any], name: str, origin: str) -> float:
    value = _number(data.get(name), origin)
    if value is None:
        raise _unlike(origin)
    return value


def _number(value: object, origin: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise _unlike(origin)
    return float(value)


def _unlike(origin: str) -> BadAnswer:
    return BadAnswer(
        f"{origin} answers without a credential that can be used.",
        hint="Is the server older than this program?",
    )
