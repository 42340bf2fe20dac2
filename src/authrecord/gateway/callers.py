"""Who is calling. Everybody is asked, on loopback too: any program of this machine reaches a port (row O25).

A caller proves itself by the gateway's password, or by an API token that a store knows. It may stand in
`X-Authrecord-Token`, in `Proxy-Authorization`, or, at a reverse gateway, in `Authorization`, as `Bearer` or as the
password of `Basic`. The field that held it never reaches an upstream (row O2).
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from ..core.errors import RecordFault
from ..core.secret import Secret
from .grammar import Field, Fields

SHORTEST_PASSWORD: Final = 16
REMEMBERED_SECONDS: Final = 5.0
"""How long an API token's answer holds: a revoked one is refused after this (row N8)."""

MOST_REMEMBERED: Final = 10_000

_IN_ANY: Final = (b"x-authrecord-token", b"proxy-authorization")
_IN_REVERSE: Final = (*_IN_ANY, b"authorization")


class Tokens(Protocol):
    """Knows API tokens. It may block: it is asked in a thread, and its answers are remembered for seconds."""

    def may_use(self, token: str, record: str) -> bool:
        """True when `token` is valid, and may use `record` through the gateway."""
        ...


class Callers:
    """Decides whether a request's sender may use the records of its route.

    `password` opens every record; `tokens` those that they are for. `reverse`: `Authorization` counts as well.
    `monotonic`: seconds.
    """

    def __init__(
        self,
        password: Secret | None,
        tokens: Tokens | None,
        *,
        reverse: bool,
        monotonic: Callable[[], float],
    ) -> None:
        self._password = None if password is None else _digest(password.reveal().encode())
        self._tokens = tokens
        self._places = _IN_REVERSE if reverse else _IN_ANY
        self._monotonic = monotonic
        self._remembered: dict[tuple[bytes, str], tuple[bool, float]] = {}

    def knows(self, fields: Fields) -> tuple[bool, Field | None]:
        """Whether the gateway's password stands in `fields`, and in which of them."""
        for field, presented in self._presented(fields):
            if self._password is not None and hmac.compare_digest(_digest(presented), self._password):
                return True, field
        return False, None

    def presents_something(self, fields: Fields) -> bool:
        """True when there is a credential to ask about; false: who are you? (401, not 403)."""
        return self._tokens is not None and any(True for _ in self._presented(fields))

    async def may_use(self, fields: Fields, records: tuple[str, ...]) -> tuple[bool, Field | None]:
        """Whether an API token in `fields` may use every one of `records`, and in which field it stands.

        A request of no record belongs to nobody: only the password opens it.
        """
        if self._tokens is None or not records:
            return False, None
        for field, presented in self._presented(fields):
            allowed = [await self._allowed(presented, record) for record in records]
            if all(allowed):
                return True, field
        return False, None

    async def _allowed(self, presented: bytes, record: str) -> bool:
        key = (_digest(presented), record)
        now = self._monotonic()
        allowed, until = self._remembered.get(key, (False, 0.0))
        if now < until:
            return allowed
        assert self._tokens is not None  # noqa: S101 - `may_use` has looked; states it for the type
        text = presented.decode("utf-8", "replace")
        allowed = await asyncio.get_running_loop().run_in_executor(None, self._tokens.may_use, text, record)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = (allowed, now + REMEMBERED_SECONDS)
        return allowed

    def _presented(self, fields: Fields) -> Iterator[tuple[Field, bytes]]:
        for field in fields.all:
            if field.name in self._places:
                yield field, credential_in(field)


def credential_in(field: Field) -> bytes:
    """The token of `Bearer`, the password of `Basic`, or the whole value where no scheme stands before it."""
    scheme, space, rest = field.value.partition(b" ")
    if not space:
        return field.value
    if scheme.lower() == b"bearer":
        return rest.strip()
    if scheme.lower() != b"basic":
        return b""
    try:
        return binascii.a2b_base64(rest.strip(), strict_mode=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _digest(presented: bytes) -> bytes:
    """What is compared and remembered instead of the value."""
    return hashlib.sha256(presented).digest()


def new_password() -> Secret:
    """A password for one run: 256 random bits."""
    return Secret(secrets.token_urlsafe(32))


def checked_password(text: str, source: str) -> Secret:
    """A password that a person chose. Raises `RecordFault` for one that could be guessed, or not be sent."""
    if len(text) < SHORTEST_PASSWORD or not text.isascii() or not text.isprintable() or " " in text:
        raise RecordFault(
            f"the gateway's password in {source} is shorter than {SHORTEST_PASSWORD} characters, or holds a space"
            " or a character outside ASCII.",
            hint="Leave it out, and a new one is made and printed.",
            code="weak_password",
        )
    return Secret(text)
